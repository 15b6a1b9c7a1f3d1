//! Reading what another release has stored.
//! The rule: what this one does not know is left out, and the rest is read. Only what is stored is read so; what somebody asks for
//! is refused where it cannot be understood.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A value; its default where this release does not know it.
pub(super) fn known<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(from: D) -> Result<T, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(from)?).unwrap_or_default())
}

/// The values of a list that this release knows.
pub(super) fn known_of<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<Vec<T>, D::Error> {
    let Value::Array(stored) = Value::deserialize(from)? else { return Ok(Vec::new()) };
    Ok(stored.into_iter().filter_map(|value| serde_json::from_value(value).ok()).collect())
}

/// The same of a list that may be left out. One of which nothing is known is empty, and not left out.
pub(super) fn known_of_any<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    from: D,
) -> Result<Option<Vec<T>>, D::Error> {
    known_of(from).map(Some)
}
