//! What the example agents share: the words of `https://example.org/market-analysis/1.0`, the
//! analysis itself, and reading a series from a file.
//!
//! The agents are `src/bin/aria.rs`, who asks, and `src/bin/bruno.rs`, who answers; `bruno.py` is
//! the same Bruno in one Python file.

pub mod analysis;
pub mod options;
pub mod protocol;
pub mod series;
