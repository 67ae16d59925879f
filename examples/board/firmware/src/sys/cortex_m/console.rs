//! The console and the exit: semihosting, which QEMU grants to privileged code only.

use core::cell::RefCell;

use cortex_m::interrupt::{Mutex, free};
use cortex_m_semihosting::debug::{self, EXIT_FAILURE, EXIT_SUCCESS};
use cortex_m_semihosting::hio::{self, HostStream};

use crate::machine::Exit;

/// A device that no guest may touch: the first of the machines' peripherals.
pub(crate) const DEVICE: usize = 0x4000_0000;

static STREAM: Mutex<RefCell<Option<HostStream>>> = Mutex::new(RefCell::new(None));

/// Writes bytes. What the host does not take is lost.
pub(crate) fn write(bytes: &[u8]) {
    free(|cs| {
        let mut stream = STREAM.borrow(cs).borrow_mut();
        if stream.is_none() {
            *stream = hio::hstdout().ok();
        }
        if let Some(stream) = stream.as_mut() {
            let _lost = stream.write_all(bytes);
        }
    });
}

/// Ends QEMU.
pub(crate) fn exit(how: Exit) -> ! {
    debug::exit(match how {
        Exit::Success => EXIT_SUCCESS,
        Exit::Failure => EXIT_FAILURE,
    });
    loop {
        cortex_m::asm::wfi();
    }
}
