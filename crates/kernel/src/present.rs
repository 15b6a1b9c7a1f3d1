//! A field that is null is not one that is left out. The rule: of an optional field, the outer option says whether it was sent, the
//! inner one whether it has a value.

use serde::{Deserialize, Deserializer};

/// Reads a field that was sent: `#[serde(default, deserialize_with = "kernel::present")]`.
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct Change {
///     #[serde(default, deserialize_with = "kernel::present")]
///     brand: Option<Option<String>>,
/// }
///
/// let brand = |text: &str| serde_json::from_str::<Change>(text).map(|change| change.brand);
/// assert_eq!(brand("{}")?, None);
/// assert_eq!(brand(r#"{"brand": null}"#)?, Some(None));
/// assert_eq!(brand(r#"{"brand": "Aurora"}"#)?, Some(Some("Aurora".to_owned())));
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// # Errors
/// Those of the field's own type.
pub fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
