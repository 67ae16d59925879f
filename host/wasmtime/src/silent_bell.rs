//! The bell of a machine with one thread: while a guest waits nobody runs who could ring it, so that waits end at once.

/// Nobody hears it.
#[derive(Debug, Default)]
pub(crate) struct Bell;

impl Bell {
    #[expect(clippy::unused_self, reason = "the other bell needs it")]
    pub(crate) fn ring(&self) {}
}
