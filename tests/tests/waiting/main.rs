//! Waiting for leases: guests on threads of their own, guests that are suspended, and host code.

mod asynchronous;
mod deadlocks;
mod devices;
mod order;
mod scene;
mod upgrades;
