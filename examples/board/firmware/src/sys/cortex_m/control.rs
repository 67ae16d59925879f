//! The MPU's registers that both versions have: at the same addresses, with other meanings in the last.

const TYPE: *const u32 = 0xE000_ED90 as *const u32;
const CTRL: *mut u32 = 0xE000_ED94 as *mut u32;
const RNR: *mut u32 = 0xE000_ED98 as *mut u32;
const RBAR: *mut u32 = 0xE000_ED9C as *mut u32;
/// RASR on PMSAv7, RLAR on PMSAv8.
const LAST: *mut u32 = 0xE000_EDA0 as *mut u32;
/// PMSAv8 alone.
#[cfg(pmsav8)]
const MAIR0: *mut u32 = 0xE000_EDC0 as *mut u32;

/// CTRL: the MPU is on, and privileged code also reaches what no region covers.
const ENABLE_PRIVDEFENA: u32 = 0b101;

/// How many regions the unit has, of the 16 that a plan takes.
pub(super) fn available() -> u8 {
    // SAFETY: MPU_TYPE; reading changes nothing.
    let regions = unsafe { TYPE.read_volatile() } >> 8 & 0xFF;
    u8::try_from(regions.min(16)).unwrap_or(16)
}

/// No region holds, and everyone reaches everything.
pub(crate) fn off() {
    cortex_m::asm::dmb();
    // SAFETY: the memory in use is reachable without an MPU too.
    unsafe { CTRL.write_volatile(0) };
    cortex_m::asm::dsb();
    cortex_m::asm::isb();
}

/// Regions hold.
pub(super) fn on() {
    #[cfg(pmsav8)]
    // SAFETY: the attributes that the planner's regions refer to.
    unsafe {
        MAIR0.write_volatile(memctl_mpu::pmsav8::MAIR0);
    }
    // SAFETY: privileged code, which this is, keeps what it reaches by PRIVDEFENA, less what regions say otherwise.
    unsafe { CTRL.write_volatile(ENABLE_PRIVDEFENA) };
    cortex_m::asm::dsb();
    cortex_m::asm::isb();
}

/// Writes one region's registers.
pub(super) fn write(number: usize, rbar: u32, last: u32) {
    // SAFETY: RNR selects, whether the unit is on or off.
    unsafe { RNR.write_volatile(u32::try_from(number).unwrap_or(0)) };
    // SAFETY: RBAR of the region selected; this is privileged code, which runs in flash and on memory that the planner's regions let it use.
    unsafe { RBAR.write_volatile(rbar) };
    // SAFETY: RASR or RLAR of the region selected; as above.
    unsafe { LAST.write_volatile(last) };
}

/// Writes one region while the unit is on: of the same bytes as before, so that nothing is uncovered or covered twice in between.
pub(super) fn change(number: usize, rbar: u32, last: u32) {
    cortex_m::asm::dmb();
    write(number, rbar, last);
    cortex_m::asm::dsb();
    cortex_m::asm::isb();
}
