//! Nothing but a place for the dependency whose C sources `cargo xtask real sqlite` compiles.
