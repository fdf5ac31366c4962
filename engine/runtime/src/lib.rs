//! Clocks, rings, stages, placement, pinning, meters and the sealed allocator.
