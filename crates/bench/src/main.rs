//! Comity's benchmarks, measured as ratios to peers and physical limits.

fn main() {}
