//! The Merkle tree of the record, hashed as RFC 6962 and RFC 9162 say.
//!
//! The tree is kept as its *complete* nodes: node `(level, index)` is the hash over the leaves
//! `index << level .. (index + 1) << level`, and is written once, when its last leaf arrives.
//! Nothing is ever rewritten, so a store needs one append-only table for it, and every root and
//! proof of every past size can be made from that table.
//!
//! - [`Frontier`] is all that the sequencer holds in memory: the size and at most 64 hashes.
//! - [`Nodes`] is what a store answers; [`root`], [`inclusion`] and [`consistency`] ask it for at
//!   most two hashes per level.
//! - [`verify_inclusion`] and [`verify_consistency`] need no tree at all.

mod frontier;
mod proofs;
#[cfg(test)]
mod tests;
mod verification;

use comity_jose::sha256;

pub use frontier::{Frontier, StoredNode, Tree};
pub use proofs::{ProofError, consistency, inclusion, root};
pub use verification::{ProofInvalid, root_from_inclusion, verify_consistency, verify_inclusion};

/// A hash in the tree: a leaf hash, an interior node or a root.
pub type Hash = [u8; 32];

/// Where complete nodes are looked up.
pub trait Nodes {
    /// The hash over the leaves `index << level .. (index + 1) << level`, if all of them are there.
    fn node(&self, level: u8, index: u64) -> Option<Hash>;
}

impl<N: Nodes + ?Sized> Nodes for &N {
    fn node(&self, level: u8, index: u64) -> Option<Hash> {
        (**self).node(level, index)
    }
}

/// Hashes a leaf: `SHA-256(0x00 ‖ leaf)`.
///
/// # Spec
/// RFC 9162 §2.1.1.
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    sha256(&[&[0], leaf])
}

/// Hashes an interior node: `SHA-256(0x01 ‖ left ‖ right)`.
///
/// # Spec
/// RFC 9162 §2.1.1.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[1], left, right])
}

/// The root of the tree without leaves: the hash of nothing.
pub fn empty_root() -> Hash {
    sha256(&[])
}

/// The greatest power of two smaller than `size`, where RFC 9162 §2.1.1 splits a tree.
fn split(size: u64) -> u64 {
    debug_assert!(size > 1);
    1 << (size - 1).ilog2()
}
