//! memctl as a user meets it: started as a process, with real guests on both backends.

mod compare;
mod plan;
mod protected;
mod run;
mod soak;
mod started;
mod windows;
