//! Whatever a guest makes host code do with bytes that are gone or forbidden: it is trapped, and nobody else notices.

mod scene;

mod bulk;
mod composed;
mod fibers;
mod lift;
mod lower;
mod memories;
mod nested;
mod order;
mod own_calls;
mod processes;
mod shapes;
mod threads;
mod truncated;
mod wasi;
