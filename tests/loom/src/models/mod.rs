//! The models, by protocol.

mod bell;
mod gate;
mod memory;
mod presence;
mod slot;

use crate::explore::Model;

/// All of them.
pub(crate) fn all() -> Vec<Model> {
    [slot::MODELS, gate::MODELS, presence::MODELS, bell::MODELS].concat()
}
