//! What the proof of memctl-instrument is made of: the rule as a model, every instruction, guests on every kind of engine, a naive oracle, and
//! random programs.

pub mod engine;
pub mod guest;
pub mod instruction;
pub mod lockstep;
pub mod model;
pub mod naive;
mod oracle;
pub mod program;
pub mod random;
mod smith;
mod sys;
pub mod text;
