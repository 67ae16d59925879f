//! Windows without an MMU that show objects in place: the same as aliases and as copies, for a rebound base; and never more than the guest has a right to.

mod component;
mod flash;
mod hostile;
mod module;
mod random;
mod rules;
mod scene;
