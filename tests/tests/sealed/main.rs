//! Guests that seal and protect their own memory, by the guest SDK.

mod command;
mod declared;
mod image;
mod layout;
mod memory;
mod sealing;
