//! Whatever a guest makes host code do with bytes that are gone or forbidden: it is trapped, and nobody else notices.

mod scene;

mod bulk;
mod lift;
mod lower;
mod order;
mod own_calls;
mod shapes;
mod truncated;
