//! Backend without an MMU: bytes move at coherence points.
