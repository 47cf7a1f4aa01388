use proptest::prelude::*;

use super::*;

/// RFC 9162 §2.1.1, written down as it stands there.
fn naive_root(leaves: &[Vec<u8>]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => leaf_hash(leaf),
        _ => {
            let (left, right) = leaves.split_at(naive_split(leaves.len()));
            node_hash(&naive_root(left), &naive_root(right))
        }
    }
}

/// RFC 9162 §2.1.3.1: `PATH(m, D_n)`.
fn naive_path(index: usize, leaves: &[Vec<u8>]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return vec![];
    }
    let k = naive_split(leaves.len());
    let (left, right) = leaves.split_at(k);
    if index < k {
        let mut path = naive_path(index, left);
        path.push(naive_root(right));
        path
    } else {
        let mut path = naive_path(index - k, right);
        path.push(naive_root(left));
        path
    }
}

/// RFC 9162 §2.1.4.1: `SUBPROOF(m, D_n, b)`.
fn naive_subproof(old: usize, leaves: &[Vec<u8>], whole: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if whole {
            vec![]
        } else {
            vec![naive_root(leaves)]
        };
    }
    let k = naive_split(leaves.len());
    let (left, right) = leaves.split_at(k);
    if old <= k {
        let mut path = naive_subproof(old, left, whole);
        path.push(naive_root(right));
        path
    } else {
        let mut path = naive_subproof(old - k, right, false);
        path.push(naive_root(left));
        path
    }
}

fn naive_split(size: usize) -> usize {
    let mut k = 1;
    while k * 2 < size {
        k *= 2;
    }
    k
}

fn leaves(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|n| n.to_string().into_bytes()).collect()
}

fn tree_of(leaves: &[Vec<u8>]) -> Tree {
    Tree::of(leaves.iter().map(Vec::as_slice))
}

#[test]
fn roots_are_those_of_the_rfc_at_every_size() {
    let leaves = leaves(70);
    let tree = tree_of(&leaves);
    for size in 0..=leaves.len() {
        assert_eq!(
            root(size as u64, &tree),
            Ok(naive_root(&leaves[..size])),
            "size {size}"
        );
        assert_eq!(tree_of(&leaves[..size]).root(), naive_root(&leaves[..size]));
    }
}

#[test]
fn inclusion_proofs_are_those_of_the_rfc_and_verify() {
    let leaves = leaves(35);
    let tree = tree_of(&leaves);
    for size in 1..=leaves.len() {
        let root = naive_root(&leaves[..size]);
        for index in 0..size {
            let path = inclusion(index as u64, size as u64, &tree).unwrap();
            assert_eq!(path, naive_path(index, &leaves[..size]));
            let hash = leaf_hash(&leaves[index]);
            assert_eq!(
                verify_inclusion(&hash, index as u64, size as u64, &path, &root),
                Ok(())
            );
        }
    }
}

#[test]
fn inclusion_of_one_leaf_is_no_inclusion_at_another_index() {
    let leaves = leaves(21);
    let tree = tree_of(&leaves);
    for size in 1..=21 {
        let root = root(size, &tree).unwrap();
        for index in 0..size {
            let path = inclusion(index, size, &tree).unwrap();
            let hash = tree.node(0, index).unwrap();
            for other in (0..size + 3).filter(|other| *other != index) {
                assert!(verify_inclusion(&hash, other, size, &path, &root).is_err());
            }
        }
    }
}

#[test]
fn consistency_proofs_are_those_of_the_rfc_and_verify() {
    let leaves = leaves(35);
    let tree = tree_of(&leaves);
    for new in 1..=leaves.len() {
        let new_root = naive_root(&leaves[..new]);
        for old in 1..=new {
            let path = consistency(old as u64, new as u64, &tree).unwrap();
            assert_eq!(
                path,
                naive_subproof(old, &leaves[..new], true),
                "{old} to {new}"
            );
            let old_root = naive_root(&leaves[..old]);
            assert_eq!(
                verify_consistency(old as u64, &old_root, new as u64, &new_root, &path),
                Ok(())
            );
        }
    }
}

#[test]
fn a_rewritten_leaf_is_never_consistent() {
    let honest = leaves(20);
    for new in 2..=20_usize {
        for old in 1..new {
            for changed in 0..old {
                let mut forked = honest[..new].to_vec();
                forked[changed] = b"rewritten".to_vec();
                let tree = tree_of(&forked);
                let path = consistency(old as u64, new as u64, &tree).unwrap();
                let refused = verify_consistency(
                    old as u64,
                    &naive_root(&honest[..old]),
                    new as u64,
                    &tree.root(),
                    &path,
                );
                assert!(refused.is_err(), "{old} to {new}, leaf {changed}");
            }
        }
    }
}

#[test]
fn everything_is_consistent_with_the_empty_tree_and_only_by_an_empty_path() {
    let tree = tree_of(&leaves(5));
    let root = tree.root();
    assert_eq!(consistency(0, 5, &tree), Ok(vec![]));
    assert_eq!(verify_consistency(0, &empty_root(), 5, &root, &[]), Ok(()));
    assert_eq!(
        verify_consistency(0, &root, 5, &root, &[]),
        Err(ProofInvalid::OtherRoot)
    );
    assert_eq!(
        verify_consistency(0, &empty_root(), 5, &root, &[root]),
        Err(ProofInvalid::Shape)
    );
    assert_eq!(
        verify_consistency(5, &root, 4, &root, &[]),
        Err(ProofInvalid::Shape)
    );
}

#[test]
fn known_roots_of_rfc_6962_reference_trees() {
    // The inputs of the reference implementation of Certificate Transparency (merkle_tree_test).
    let inputs: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    let hex = |hash: Hash| {
        hash.iter()
            .map(|octet| format!("{octet:02x}"))
            .collect::<String>()
    };
    assert_eq!(
        hex(empty_root()),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    assert_eq!(
        hex(Tree::of(inputs[..1].iter().copied()).root()),
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    );
    assert_eq!(
        hex(Tree::of(inputs[..2].iter().copied()).root()),
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    );
    assert_eq!(
        hex(Tree::of(inputs[..8].iter().copied()).root()),
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    );
}

#[test]
fn appending_returns_each_complete_node_exactly_once() {
    let mut frontier = Frontier::new();
    let mut seen = std::collections::BTreeSet::new();
    for n in 0_u64..64 {
        assert_eq!(frontier.size(), n);
        let stored = frontier.append(leaf_hash(&n.to_be_bytes()));
        assert_eq!(stored[0].index, n);
        for node in stored {
            assert!(seen.insert((node.level, node.index)));
        }
    }
    assert_eq!(seen.len(), 64 + 32 + 16 + 8 + 4 + 2 + 1);
}

#[test]
fn a_frontier_loads_from_what_was_stored_and_says_when_something_is_missing() {
    let leaves = leaves(41);
    for size in 0..=41_usize {
        let tree = tree_of(&leaves[..size]);
        let loaded = Frontier::load(size as u64, &tree).unwrap();
        assert_eq!(loaded.root(), tree.root());
        assert_eq!(Frontier::load(size as u64 + 1, &tree), None);
    }
    assert!(matches!(
        root(42, &tree_of(&leaves)),
        Err(ProofError::NodeMissing { .. })
    ));
    assert!(matches!(
        inclusion(3, 3, &tree_of(&leaves)),
        Err(ProofError::LeafBeyondTree { .. })
    ));
    assert!(matches!(
        consistency(4, 3, &tree_of(&leaves)),
        Err(ProofError::SizesReversed { .. })
    ));
}

#[test]
fn sizes_of_strangers_neither_overflow_nor_hang() {
    let hash = [0; 32];
    for size in [u64::MAX, u64::MAX - 1, 1 << 63, (1 << 63) + 1] {
        for index in [0, 1, size - 1, size / 2] {
            assert!(verify_inclusion(&hash, index, size, &[hash; 70], &hash).is_err());
            assert!(verify_consistency(index, &hash, size, &hash, &[hash; 140]).is_err());
        }
        assert!(root(size, &Tree::default()).is_err());
        assert!(inclusion(size - 1, size, &Tree::default()).is_err());
    }
}

proptest! {
    #[test]
    fn proofs_verify_and_altered_ones_do_not(
        size in 1_u64..300, index in 0_u64..300, old in 1_u64..300,
        step in any::<prop::sample::Index>(), bit in 0_u8..8, octet in 0_usize..32,
    ) {
        let index = index % size;
        let old = old % size + 1;
        let leaves = leaves(300);
        let tree = tree_of(&leaves);
        let root_now = root(size, &tree).unwrap();
        let root_then = root(old, &tree).unwrap();
        let hash = tree.node(0, index).unwrap();

        let mut path = inclusion(index, size, &tree).unwrap();
        prop_assert_eq!(verify_inclusion(&hash, index, size, &path, &root_now), Ok(()));
        prop_assert!(path.len() <= 9);
        if !path.is_empty() {
            let at = step.index(path.len());
            path[at][octet] ^= 1 << bit;
            prop_assert!(verify_inclusion(&hash, index, size, &path, &root_now).is_err());
            path[at][octet] ^= 1 << bit;
            path.pop();
            prop_assert!(verify_inclusion(&hash, index, size, &path, &root_now).is_err());
        }

        let mut path = consistency(old, size, &tree).unwrap();
        prop_assert_eq!(verify_consistency(old, &root_then, size, &root_now, &path), Ok(()));
        if !path.is_empty() {
            let at = step.index(path.len());
            path[at][octet] ^= 1 << bit;
            prop_assert!(
                verify_consistency(old, &root_then, size, &root_now, &path).is_err()
            );
        }
    }
}
