//! Calls that were refused, for the people who run a host without a log.

use core::fmt;

use memctl_core::{Code, Error, InstanceId};

use crate::locks::OnceLock;

/// A call of a guest's that was refused: the guest gets the code only.
pub struct Refusal<'a> {
    /// The guest's number in its domain.
    pub guest: u64,
    /// Which call.
    pub call: &'static str,
    /// Why, with the numbers that explain it. Formatting it takes some 20 KiB of code.
    pub error: &'a Error,
}

impl Refusal<'_> {
    /// What the guest was told.
    #[must_use]
    pub fn code(&self) -> Code {
        self.error.code()
    }
}

impl fmt::Debug for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refusal").field("guest", &self.guest).field("call", &self.call).finish_non_exhaustive()
    }
}

static LISTENER: OnceLock<fn(Refusal<'_>)> = OnceLock::new();

/// Has every refused call told to `listener`, under the domain's lock. Only the first listener counts.
pub fn on_refusal(listener: fn(Refusal<'_>)) {
    LISTENER.get_or_init(|| listener);
}

pub(crate) fn tell(instance: InstanceId, call: &'static str, error: &Error) {
    if let Some(listener) = LISTENER.get() {
        listener(Refusal { guest: instance.to_bits(), call, error });
    }
}
