//! memctl as a user meets it: started as a process, with real guests on both backends.

mod compare;
mod compile;
mod plan;
mod protected;
mod run;
mod small;
mod soak;
mod started;
mod turns;
mod windows;
