//! Backend with an MMU: the same physical page shown twice.
