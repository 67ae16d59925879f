//! A guest that does no harm, and must come to none.

use wasmtime::Val;

use crate::guest::Guest;
use crate::host::{FRESH, Host, SHARED, STILL};
use crate::interface::{GRANULE, MEMORY, WINDOWS, index};
use crate::module::trampoline;

/// Bytes of an object that only the bystander has, and of its memory.
const OWN: u8 = 0x33;
const PLAIN: u8 = 0x44;
/// Where its windows are, and bytes that no window is over.
const PRIVATE_OBJECT: u64 = WINDOWS;
const SNAPSHOT: u64 = WINDOWS + 4 * GRANULE;
const READ_ONLY: u64 = WINDOWS + 8 * GRANULE;
const WATCHED: u64 = WINDOWS + 12 * GRANULE;
const NO_WINDOW: u64 = MEMORY - 2 * GRANULE;

/// Sharing and coherence by their numbers.
const AUTOMATIC: [i32; 2] = [0, 0];
const PRIVATE: [i32; 2] = [1, 0];

/// Whether the bystander looks at what the others share. While it does, nobody can lease that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watches {
    Shared,
    Nothing,
}

pub(crate) struct Bystander(Guest);

impl Bystander {
    pub(crate) fn new(host: &Host, watches: Watches) -> Self {
        let mut guest = Guest::new(host, None);
        let own = guest.ask("[static]object.anonymous", &[Val::I64(signed(2 * GRANULE))]);
        let shared = guest.ask("[static]object.open", &[Val::I32(0), Val::I32(6)]);
        let still = guest.ask("[static]object.open", &[Val::I32(32), Val::I32(5)]);
        let mut this = Self(guest);
        this.map(PRIVATE_OBJECT, 2 * GRANULE, own, AUTOMATIC);
        this.map(SNAPSHOT, SHARED.next_multiple_of(GRANULE), shared, PRIVATE);
        this.map(READ_ONLY, 2 * GRANULE, still, PRIVATE);
        if watches == Watches::Shared {
            this.map(WATCHED, SHARED.next_multiple_of(GRANULE), shared, AUTOMATIC);
        }
        this.fill(PRIVATE_OBJECT, OWN, 2 * GRANULE);
        this.fill(NO_WINDOW, PLAIN, 2 * GRANULE);
        this.check();
        this
    }

    fn map(&mut self, start: u64, len: u64, object: u32, [sharing, coherence]: [i32; 2]) {
        let window = [Val::I32(0), Val::I32(0), Val::I64(signed(start)), Val::I64(signed(len))];
        let what = [Val::I32(object.cast_signed()), Val::I64(0), Val::I32(2)];
        let how = [Val::I32(sharing), Val::I32(coherence), Val::I32(0)];
        self.0.ask("[static]mapping.map", &[&window[..], &what, &how].concat());
    }

    fn fill(&mut self, start: u64, value: u8, len: u64) {
        let number = |number: u64| Val::I32(i32::try_from(number).expect("small"));
        self.0.call("fill", &[number(start), Val::I32(value.into()), number(len)]).expect("in the memory");
    }

    /// It runs, and all that is its own is as it was.
    ///
    /// # Panics
    /// If not.
    pub(crate) fn check(&mut self) {
        self.0.call(&trampoline(index("granule")), &[]).expect("a bystander is let in");
        let bytes = self.0.memory.data(&self.0.store);
        for (what, start, len, value) in [
            ("its object", PRIVATE_OBJECT, 2 * GRANULE, OWN),
            ("its snapshot", SNAPSHOT, SHARED, FRESH),
            ("what nobody may write", READ_ONLY, 2 * GRANULE, STILL),
            ("its memory", NO_WINDOW, 2 * GRANULE, PLAIN),
        ] {
            let range = usize::try_from(start).expect("small")..usize::try_from(start + len).expect("small");
            assert!(bytes[range].iter().all(|byte| *byte == value), "{what} changed");
        }
    }
}

fn signed(number: u64) -> i64 {
    number.cast_signed()
}
