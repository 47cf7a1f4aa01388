//! A map that can undo what the current unit wrote.

use std::collections::BTreeMap;
use std::ops::{Deref, RangeBounds};

/// Rows by key. Reading goes through the map; writing is noted until the unit ends.
#[derive(Debug)]
pub(super) struct Table<K, V> {
    rows: BTreeMap<K, V>,
    undo: Vec<(K, Option<V>)>,
}

impl<K: Ord + Clone, V> Table<K, V> {
    pub(super) fn put(&mut self, key: K, row: V) {
        let before = self.rows.insert(key.clone(), row);
        self.undo.push((key, before));
    }

    pub(super) fn put_new(&mut self, key: K, row: V) {
        if !self.rows.contains_key(&key) {
            self.put(key, row);
        }
    }

    pub(super) fn remove(&mut self, key: &K) {
        if let Some(before) = self.rows.remove(key) {
            self.undo.push((key.clone(), Some(before)));
        }
    }

    /// Copies of the rows in a range of keys, in their order.
    pub(super) fn copies(&self, keys: impl RangeBounds<K>, limit: usize) -> Vec<V>
    where
        V: Clone,
    {
        self.rows
            .range(keys)
            .take(limit)
            .map(|(_, row)| row.clone())
            .collect()
    }

    pub(super) fn keep(&mut self) {
        self.undo.clear();
    }

    pub(super) fn roll_back(&mut self) {
        while let Some((key, before)) = self.undo.pop() {
            match before {
                Some(row) => self.rows.insert(key, row),
                None => self.rows.remove(&key),
            };
        }
    }
}

impl<V> Table<u64, V> {
    /// The next free sequence number; the first is 1.
    pub(super) fn next_seq(&self) -> u64 {
        self.rows.last_key_value().map_or(1, |(last, _)| last + 1)
    }
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self {
            rows: BTreeMap::new(),
            undo: Vec::new(),
        }
    }
}

impl<K, V> Deref for Table<K, V> {
    type Target = BTreeMap<K, V>;

    fn deref(&self) -> &BTreeMap<K, V> {
        &self.rows
    }
}
