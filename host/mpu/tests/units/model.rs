//! What each unit lets happen at an address, from its registers alone, as the manuals' pseudocode says.

/// Who tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Privileged,
    Unprivileged,
}

/// What is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Load,
    Store,
    Fetch,
}

fn bits(word: u64, high: u32, low: u32) -> u64 {
    word >> low & ((1 << (high - low + 1)) - 1)
}

/// Arm DDI 0403E, B3.5.3, `MPUCheck` with PRIVDEFENA: RBAR and RASR of each region.
pub(crate) fn pmsav7(regions: &[(u32, u32)], at: u32, who: Who, act: Act) -> bool {
    let mut hit = None;
    for (rbar, rasr) in regions {
        let (rbar, rasr, at) = (u64::from(*rbar), u64::from(*rasr), u64::from(at));
        assert_eq!(bits(rbar, 4, 0), 0, "VALID and REGION are not to be set");
        assert_eq!((bits(rasr, 31, 29), bits(rasr, 27, 27), bits(rasr, 23, 22), bits(rasr, 7, 6)), (0, 0, 0, 0));
        if bits(rasr, 0, 0) == 0 {
            continue;
        }
        let size = 1_u64 << (bits(rasr, 5, 1) + 1);
        assert!(size >= 32 && rbar % size == 0, "a base that is no multiple of the size is UNPREDICTABLE");
        let disabled = bits(rasr, 15, 8);
        if size < 256 {
            assert_eq!(disabled, 0, "SRD with less than 256 bytes is UNPREDICTABLE");
        }
        if at / size == rbar / size && (size < 256 || disabled >> (at % size / (size / 8)) & 1 == 0) {
            hit = Some((bits(rasr, 26, 24), bits(rasr, 28, 28)));
        }
    }
    let Some((access, never)) = hit else { return who == Who::Privileged };
    // Table B3-15.
    let (privileged, unprivileged) = match access {
        0b000 => ("", ""),
        0b001 => ("rw", ""),
        0b010 => ("rw", "r"),
        0b011 => ("rw", "rw"),
        0b101 => ("r", ""),
        0b110 | 0b111 => ("r", "r"),
        _ => panic!("AP 100 is UNPREDICTABLE"),
    };
    permits(if who == Who::Privileged { privileged } else { unprivileged }, never == 1, act)
}

/// Arm DDI 0553, `MPUCheck` with PRIVDEFENA: RBAR and RLAR of each region.
pub(crate) fn pmsav8(regions: &[(u32, u32)], at: u32, who: Who, act: Act) -> bool {
    let mut hit = None;
    for (rbar, rlar) in regions {
        let (first, last) = (rbar & !31, rlar | 31);
        assert_eq!(bits(u64::from(*rlar), 4, 4), 0, "reserved");
        assert!(bits(u64::from(*rlar), 3, 1) <= 2, "an attribute that MAIR0 says nothing of");
        if rlar & 1 == 1 && first <= at && at <= last {
            assert_eq!(hit, None, "two regions at {at:#x} fault");
            hit = Some((bits(u64::from(*rbar), 2, 1), rbar & 1));
        }
    }
    let Some((access, never)) = hit else { return who == Who::Privileged };
    let (privileged, unprivileged) = match access {
        0b00 => ("rw", ""),
        0b01 => ("rw", "rw"),
        0b10 => ("r", ""),
        _ => ("r", "r"),
    };
    permits(if who == Who::Privileged { privileged } else { unprivileged }, never == 1, act)
}

fn permits(access: &str, never: bool, act: Act) -> bool {
    match act {
        Act::Load => access.contains('r'),
        Act::Store => access.contains('w'),
        Act::Fetch => access.contains('r') && !never,
    }
}

/// Privileged Architecture 20211203, 3.7.1: cfg and pmpaddr of each entry, for a byte. `grain` is 2^(G+2).
pub(crate) fn pmp(entries: &[(u8, u64)], grain: u64, at: u64, who: Who, act: Act) -> bool {
    for (number, (cfg, addr)) in entries.iter().enumerate() {
        let before = if number == 0 { 0 } else { entries[number - 1].1 };
        // With a grain above 4, TOR takes the low bits of addresses for 0.
        let address = |register: u64| register << 2 & !(grain - 1);
        let matches = match bits(u64::from(*cfg), 4, 3) {
            0 => false,
            1 => address(before) <= at && at < address(*addr),
            2 => {
                assert_eq!(grain, 4, "NA4 can't be selected");
                at >> 2 == *addr
            }
            _ => {
                let size = 8_u64 << addr.trailing_ones();
                assert!(size >= grain, "smaller than the grain");
                let base = (addr & !(size / 8 - 1)) << 2;
                at / size == base / size
            }
        };
        assert_eq!(bits(u64::from(*cfg), 6, 5), 0, "reserved");
        assert_ne!(cfg & 3, 2, "W without R is reserved");
        if matches {
            if who == Who::Privileged && cfg >> 7 == 0 {
                return true;
            }
            let bit = match act {
                Act::Load => 0,
                Act::Store => 1,
                Act::Fetch => 2,
            };
            return cfg >> bit & 1 == 1;
        }
    }
    who == Who::Privileged
}
