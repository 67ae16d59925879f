//! Plans against a model of each unit, which reads registers bit by bit and knows nothing of the planner.

mod errors;
mod fewest;
mod model;
mod pmp;
mod pmsav7;
mod pmsav8;
mod request;
