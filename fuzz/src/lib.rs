//! Fuzz targets: one for each family of parsers that a peer can reach.
//!
//! A target takes any octets and panics if something that must hold does not: what is read prints as
//! it was, what is accepted keeps its bounds, nothing is proved that nobody signed. Some targets take
//! their first octet as a choice of how to wrap the rest (signed, encrypted, hashed into a DID), so
//! that the readers behind the cryptography are reached.
//!
//! The targets are plain functions: `src/main.rs` hangs them on libFuzzer, `tests/replay.rs` runs
//! every file of `corpus/` through them as an ordinary test.

#![forbid(unsafe_code)]

mod cast;
mod harvest;
mod target;

/// One target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, which is also the name of its corpus.
    pub name: &'static str,
    /// The octets that the longest input has: what the parser takes at most, and a little more.
    pub max_len: usize,
    /// Reads an input; panics on a finding.
    pub run: fn(&[u8]),
    /// Valid inputs to start from.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Inputs at the limits, to show what the dearest input costs. Too large to be kept.
    pub heavy: fn() -> Vec<Vec<u8>>,
}

/// All targets. A new parser of strangers' octets gets its line here, its file in `target/`.
pub const TARGETS: &[Target] = &[
    target::bundle::TARGET,
    target::contact::TARGET,
    target::documents::TARGET,
    target::jose::TARGET,
    target::json::TARGET,
    target::layers::TARGET,
    target::names::TARGET,
    target::plaintext::TARGET,
    target::receipts::TARGET,
    target::records::TARGET,
    target::unpack::TARGET,
    target::vouch::TARGET,
    target::webvh::TARGET,
];

/// The target of this name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
