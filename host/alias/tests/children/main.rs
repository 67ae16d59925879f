//! Faults and shortages that end a process, or might: each in a child, which is this binary running the same test again.

mod child;
mod engine;
mod handlers;
mod limits;
mod mappings;
mod sys;
