//! Changes of a map whose keys are the client's own. The rule: as with the fields of an object, an entry that is left out stays
//! and one that is null goes.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// A change of a map. As a field it needs `#[serde(default)]`: left out, all of it stays.
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
    /// The keys whose entries are set.
    pub fn set(&self) -> impl Iterator<Item = &K> {
        let entries = match self {
            Self::Stay | Self::Clear => None,
            Self::Change(entries) => Some(entries),
        };
        entries.into_iter().flatten().filter(|(_, value)| value.is_some()).map(|(key, _)| key)
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

impl<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>> Deserialize<'de> for Entries<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Clear, Self::Change))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Sent {
        #[serde(default)]
        entries: Entries<String, i32>,
    }

    #[test]
    fn entries_are_set_go_or_stay() {
        let changed = |sent: &str| {
            let mut map = BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]);
            let Sent { entries } = serde_json::from_str(sent).unwrap();
            let set: Vec<String> = entries.set().cloned().collect();
            entries.apply(&mut map, |new, _| new);
            (set.join(""), map.into_iter().map(|(key, value)| format!("{key}{value}")).collect::<Vec<_>>().join(" "))
        };
        let shown = |set: &str, map: &str| (set.to_owned(), map.to_owned());
        assert_eq!(changed("{}"), shown("", "a1 b2"));
        assert_eq!(changed(r#"{"entries": null}"#), shown("", ""));
        assert_eq!(changed(r#"{"entries": {"a": null, "b": 5, "c": 3}}"#), shown("bc", "b5 c3"));
        assert!(serde_json::from_str::<Sent>(r#"{"entries": {"a": "x"}}"#).is_err());
    }
}
