// SPDX-License-Identifier: GPL-2.0-or-later
//! A map whose entries lie side by side in the order of their keys: the quickest one to go through from end to end.
//! Entries come and go in batches, because each batch moves what lies behind.

use std::ops::RangeInclusive;

/// See the module.
#[derive(Clone, Debug)]
pub struct SortedMap<K, V>(Vec<(K, V)>);

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<&V> {
        self.find(key).map(|at| &self.0[at].1)
    }

    /// The value of a key, to be changed.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.find(key).map(|at| &mut self.0[at].1)
    }

    /// All in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// All in the order of their keys, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.0.iter_mut().map(|(key, value)| (&*key, value))
    }

    /// Those within a range of keys, to be changed.
    pub fn range_mut(&mut self, keys: RangeInclusive<K>) -> impl Iterator<Item = (&K, &mut V)> {
        let first = self.0.partition_point(|(key, _)| key < keys.start());
        let behind = self.0[first..].iter_mut();
        behind
            .map(|(key, value)| (&*key, value))
            .take_while(move |(key, _)| *key <= keys.end())
    }

    /// All values in the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }

    /// All values in the order of their keys, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    /// Takes in entries whose keys are not there yet.
    pub fn insert_all(&mut self, fresh: Vec<(K, V)>) {
        if !fresh.is_empty() {
            self.0.extend(fresh);
            self.0.sort_by(|(a, _), (b, _)| a.cmp(b));
        }
    }

    /// Drops the entries of keys, which are sorted.
    pub fn remove_all(&mut self, keys: &[K]) {
        if !keys.is_empty() {
            self.0.retain(|(key, _)| keys.binary_search(key).is_err());
        }
    }

    fn find(&self, key: &K) -> Option<usize> {
        self.0.binary_search_by(|(other, _)| other.cmp(key)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_stay_sorted_while_others_come_and_go() {
        let mut map = SortedMap::default();
        map.insert_all(vec![(5, "five"), (1, "one"), (3, "three")]);
        map.insert_all(vec![(2, "two"), (4, "four")]);
        map.remove_all(&[1, 4, 9]);
        let all: Vec<_> = map.iter().map(|(key, value)| (*key, *value)).collect();
        assert_eq!(all, [(2, "two"), (3, "three"), (5, "five")]);
        assert_eq!(map.get(&3), Some(&"three"));
        assert_eq!(map.get(&4), None);
        let mut part = |keys| map.range_mut(keys).map(|(key, _)| *key).collect::<Vec<_>>();
        assert_eq!(part(3..=4), [3]);
        assert_eq!(part(0..=9), [2, 3, 5]);
        assert!(part(6..=9).is_empty());
    }
}
