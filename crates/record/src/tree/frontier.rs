use super::{Hash, Nodes, empty_root, leaf_hash, node_hash};

/// The right edge of a tree: enough to append to it and to know its root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// Roots of the complete subtrees, one for each set bit of `size`, widest first.
    peaks: Vec<Hash>,
}

/// A complete node that came into being by an append and has to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredNode {
    /// Height over the leaves, which are level 0.
    pub level: u8,
    /// Position within the level.
    pub index: u64,
    /// The hash over its leaves.
    pub hash: Hash,
}

impl Frontier {
    /// The tree without leaves.
    pub const fn new() -> Self {
        Self {
            size: 0,
            peaks: Vec::new(),
        }
    }

    /// Loads the frontier of a stored tree; `None` when a node is missing, that is, when the store
    /// holds fewer than `size` leaves.
    pub fn load(size: u64, nodes: &impl Nodes) -> Option<Self> {
        let mut peaks = Vec::new();
        let mut start = 0_u64;
        for level in (0..64_u8).rev() {
            if size >> level & 1 == 1 {
                peaks.push(nodes.node(level, start >> level)?);
                start += 1 << level;
            }
        }
        Some(Self { size, peaks })
    }

    /// How many leaves the tree has, which is also the index of the next one.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf by its hash and returns the nodes that are complete now, lowest first: the
    /// leaf itself and every subtree of which it was the last leaf.
    pub fn append(&mut self, leaf_hash: Hash) -> Vec<StoredNode> {
        let index = self.size;
        let mut node = StoredNode {
            level: 0,
            index,
            hash: leaf_hash,
        };
        let mut complete = vec![node];
        while node.index & 1 == 1 {
            let left = self
                .peaks
                .pop()
                .expect("a set bit of the size has its peak");
            node = StoredNode {
                level: node.level + 1,
                index: node.index >> 1,
                hash: node_hash(&left, &node.hash),
            };
            complete.push(node);
        }
        self.peaks.push(node.hash);
        self.size += 1;
        complete
    }

    /// The root over all leaves so far.
    pub fn root(&self) -> Hash {
        self.peaks
            .iter()
            .rev()
            .copied()
            .reduce(|right, left| node_hash(&left, &right))
            .unwrap_or_else(empty_root)
    }
}

impl Default for Frontier {
    fn default() -> Self {
        Self::new()
    }
}

/// A whole tree in memory: for batches of receipts, for tests, for the memory store.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    frontier: Frontier,
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    /// Builds the tree over leaves.
    pub fn of<'a>(leaves: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut tree = Self::default();
        for leaf in leaves {
            tree.append(leaf_hash(leaf));
        }
        tree
    }

    /// Appends a leaf by its hash.
    pub fn append(&mut self, leaf_hash: Hash) {
        for node in self.frontier.append(leaf_hash) {
            let level = usize::from(node.level);
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            self.levels[level].push(node.hash);
        }
    }

    /// How many leaves it has.
    pub const fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The root over all leaves.
    pub fn root(&self) -> Hash {
        self.frontier.root()
    }
}

impl Nodes for Tree {
    fn node(&self, level: u8, index: u64) -> Option<Hash> {
        let level = self.levels.get(usize::from(level))?;
        level.get(usize::try_from(index).ok()?).copied()
    }
}
