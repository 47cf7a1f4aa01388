//! The Rust SDK of Comity: an agent in a few lines.
