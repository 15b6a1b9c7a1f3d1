//! Changes of a map whose keys are the client's own. The rule: as with the fields of an object, an entry that is left out stays
//! and one that is null goes.

use std::collections::BTreeMap;

/// A change of a map.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Entries<K, V> {
    /// All of it stays.
    #[default]
    Stay,
    /// All of it goes.
    Clear,
    /// These are set, those that are `None` go, and the others stay.
    Change(BTreeMap<K, Option<V>>),
}

impl<K: Ord, V> Entries<K, V> {
    /// What a client wrote: nothing, null, or entries.
    #[must_use]
    pub fn written(entries: Option<Option<BTreeMap<K, Option<V>>>>) -> Self {
        match entries {
            None => Self::Stay,
            Some(None) => Self::Clear,
            Some(Some(entries)) => Self::Change(entries),
        }
    }

    /// Changes the map. `merge` makes the entry from the one that was there.
    pub fn apply<T>(self, map: &mut BTreeMap<K, T>, merge: impl Fn(V, Option<T>) -> T) {
        match self {
            Self::Stay => {}
            Self::Clear => map.clear(),
            Self::Change(entries) => {
                for (key, change) in entries {
                    let before = map.remove(&key);
                    if let Some(change) = change {
                        map.insert(key, merge(change, before));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_set_go_or_stay() {
        let changed = |entries: Entries<&'static str, i32>| {
            let mut map = BTreeMap::from([("a", 1), ("b", 2)]);
            entries.apply(&mut map, |new, _| new);
            map
        };
        assert_eq!(changed(Entries::written(None)).len(), 2);
        assert!(changed(Entries::written(Some(None))).is_empty());
        let some = Entries::written(Some(Some(BTreeMap::from([("a", None), ("b", Some(5)), ("c", Some(3))]))));
        assert_eq!(changed(some), BTreeMap::from([("b", 5), ("c", 3)]));
    }
}
