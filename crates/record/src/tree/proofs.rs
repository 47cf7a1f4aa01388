use super::{Hash, Nodes, empty_root, node_hash, split};

/// Why a root or proof cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The leaf is not in a tree of that size.
    #[error("leaf {index} is not in a tree of {size}")]
    LeafBeyondTree {
        /// The leaf asked for.
        index: u64,
        /// The size of the tree.
        size: u64,
    },
    /// The store lacks a node that a tree of that size has.
    #[error("node {index} of level {level} is missing")]
    NodeMissing {
        /// Height over the leaves.
        level: u8,
        /// Position within the level.
        index: u64,
    },
    /// The older tree is larger than the newer one.
    #[error("a tree of {old} is no beginning of a tree of {new}")]
    SizesReversed {
        /// The size said to be older.
        old: u64,
        /// The size said to be newer.
        new: u64,
    },
}

/// Computes the root that the tree had at `size`.
///
/// # Errors
/// [`ProofError::NodeMissing`] when fewer leaves are stored.
pub fn root(size: u64, nodes: &impl Nodes) -> Result<Hash, ProofError> {
    if size == 0 {
        Ok(empty_root())
    } else {
        subtree(0, size, nodes)
    }
}

/// Makes the proof that leaf `index` is in the tree of `size`: the siblings from the leaf upwards.
///
/// # Errors
/// When the leaf is not in that tree, or a node is missing.
///
/// # Spec
/// RFC 9162 §2.1.3.1.
pub fn inclusion(index: u64, size: u64, nodes: &impl Nodes) -> Result<Vec<Hash>, ProofError> {
    if index >= size {
        return Err(ProofError::LeafBeyondTree { index, size });
    }
    let (mut start, mut length) = (0, size);
    let mut path = Vec::new();
    while length > 1 {
        let left = split(length);
        if index - start < left {
            path.push(subtree(start + left, length - left, nodes)?);
            length = left;
        } else {
            path.push(subtree(start, left, nodes)?);
            start += left;
            length -= left;
        }
    }
    path.reverse();
    Ok(path)
}

/// Makes the proof that the tree of `old` leaves is the beginning of the tree of `new` leaves.
///
/// From the empty tree, and between equal sizes, the proof is empty.
///
/// # Errors
/// When the sizes are reversed, or a node is missing.
///
/// # Spec
/// RFC 9162 §2.1.4.1.
pub fn consistency(old: u64, new: u64, nodes: &impl Nodes) -> Result<Vec<Hash>, ProofError> {
    if old > new {
        return Err(ProofError::SizesReversed { old, new });
    }
    let mut path = Vec::new();
    if old == 0 || old == new {
        return Ok(path);
    }
    let (mut start, mut length) = (0, new);
    // Whether the subtree in hand is still the whole old tree, whose root the verifier knows.
    let mut known = true;
    while old - start != length {
        let left = split(length);
        if old - start <= left {
            path.push(subtree(start + left, length - left, nodes)?);
            length = left;
        } else {
            path.push(subtree(start, left, nodes)?);
            start += left;
            length -= left;
            known = false;
        }
    }
    if !known {
        path.push(subtree(start, length, nodes)?);
    }
    path.reverse();
    Ok(path)
}

/// The hash over `length` leaves from `start`, which must be where a subtree of RFC 9162 starts.
/// Its left parts are complete, so this takes one lookup for each set bit of `length`.
fn subtree(start: u64, length: u64, nodes: &impl Nodes) -> Result<Hash, ProofError> {
    let mut complete = Vec::new();
    let mut at = start;
    for level in (0..64_u8).rev() {
        if length >> level & 1 == 1 {
            let index = at >> level;
            complete.push(
                nodes
                    .node(level, index)
                    .ok_or(ProofError::NodeMissing { level, index })?,
            );
            at += 1 << level;
        }
    }
    Ok(complete
        .into_iter()
        .rev()
        .reduce(|right, left| node_hash(&left, &right))
        .expect("a subtree has leaves"))
}
