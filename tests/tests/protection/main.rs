//! Interface `protection`: what is sealed, protected and discarded, and what happens to who touches it.

mod declared;
mod discarded;
mod forged;
mod ranges;
mod refusals;
mod scene;
mod sealed;
mod windows;
