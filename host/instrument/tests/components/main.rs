//! Instrumented components: what the host does for a guest is checked like what the guest does itself.

mod lifting;
mod lowering;
mod mangled;
mod sys;
mod wiring;
mod world;
