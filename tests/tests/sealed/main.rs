//! Guests that seal and protect their own memory, by the guest SDK.

mod image;
mod layout;
