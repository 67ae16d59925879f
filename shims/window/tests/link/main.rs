//! Modules with windows, linked both ways and run.

mod bounds;
mod calls;
mod compiled;
mod functions;
mod guest;
mod model;
mod random;
mod refused;
mod sections;
