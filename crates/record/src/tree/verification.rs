use super::{Hash, empty_root, node_hash};

/// A proof that does not prove what it is said to prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofInvalid {
    /// The path leads to another root.
    #[error("the path leads to another root")]
    OtherRoot,
    /// The path has another length than one for these numbers has, or the numbers name no leaf.
    #[error("the path does not fit the sizes")]
    Shape,
}

/// Checks that the leaf with this hash is at `index` of the tree of `size` with this root.
///
/// # Errors
/// [`ProofInvalid`]: nothing is proved.
///
/// # Spec
/// RFC 9162 §2.1.3.2.
pub fn verify_inclusion(
    leaf_hash: &Hash,
    index: u64,
    size: u64,
    path: &[Hash],
    root: &Hash,
) -> Result<(), ProofInvalid> {
    let computed = root_from_inclusion(leaf_hash, index, size, path).ok_or(ProofInvalid::Shape)?;
    if computed == *root {
        Ok(())
    } else {
        Err(ProofInvalid::OtherRoot)
    }
}

/// The root that an inclusion path leads to; `None` when the path does not fit the numbers.
///
/// # Spec
/// RFC 9162 §2.1.3.2, steps 1 to 5.
pub fn root_from_inclusion(leaf_hash: &Hash, index: u64, size: u64, path: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = *leaf_hash;
    for sibling in path {
        if last == 0 {
            return None;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            // A node without right sibling is carried up unhashed until it is one itself.
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(hash)
}

/// Checks that the tree of `old` with `old_root` is the beginning of the tree of `new` with
/// `new_root`. Every tree begins with the empty one, for which the path is empty.
///
/// # Errors
/// [`ProofInvalid`]: nothing is proved.
///
/// # Spec
/// RFC 9162 §2.1.4.2.
pub fn verify_consistency(
    old: u64,
    old_root: &Hash,
    new: u64,
    new_root: &Hash,
    path: &[Hash],
) -> Result<(), ProofInvalid> {
    if old > new {
        return Err(ProofInvalid::Shape);
    }
    if old == new || old == 0 {
        let expected = if old == new { *new_root } else { empty_root() };
        return match (path.is_empty(), *old_root == expected) {
            (false, _) => Err(ProofInvalid::Shape),
            (true, false) => Err(ProofInvalid::OtherRoot),
            (true, true) => Ok(()),
        };
    }
    let (mut node, mut last) = (old - 1, new - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    // A whole old tree is its own first node, which the prover leaves out.
    let (first, rest) = if old.is_power_of_two() {
        (old_root, path)
    } else {
        path.split_first().ok_or(ProofInvalid::Shape)?
    };
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return Err(ProofInvalid::Shape);
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        Err(ProofInvalid::Shape)
    } else if old_hash == *old_root && new_hash == *new_root {
        Ok(())
    } else {
        Err(ProofInvalid::OtherRoot)
    }
}
