//! A component whose exports are the raw wire calls.
