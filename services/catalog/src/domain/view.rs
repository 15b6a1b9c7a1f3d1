//! A view: a query of an organisation under a name, for work lists and exports.
//! The rules: a name stands once among the views of one kind of item; what a view is of never changes; its query is held against the
//! fields that there are when it is saved, and stays readable when one of them has gone.

use kernel::{Malformed, Timestamp, ViewId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::wording::line;

/// What a view is called: 1 to 100 characters on one line.
#[derive(Clone, PartialEq, Eq)]
pub struct ViewName(String);

impl ViewName {
    /// The longest name, in characters.
    pub const LIMIT: usize = 100;

    /// Trims and checks a name.
    ///
    /// # Errors
    /// When nothing is left after trimming, it is too long, or it has a control character.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        line("name", text, Self::LIMIT).map(Self)
    }
}

kernel::text!(ViewName, {"type": "string", "minLength": 1, "maxLength": Self::LIMIT});

/// What a view lists.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum ViewEntity {
    /// Products.
    Products,
    /// Variants with their stock.
    Variants,
}

/// The query of a view as it was sent, without a cursor.
pub type ViewQuery = Map<String, Value>;

/// A view as it is now. This is also the resource that HTTP answers with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct View {
    /// The id, by which it is read and changed.
    pub id: ViewId,
    /// What people call it.
    pub name: ViewName,
    /// What it lists.
    pub entity: ViewEntity,
    /// The query, as it was saved.
    pub query: ViewQuery,
    /// Rises by one with every change; also its ETag.
    pub version: i64,
    /// When it was saved first.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl View {
    /// The most views that an organisation has.
    pub const MOST: i32 = 200;
    /// The most bytes of a query as JSON.
    pub const LONGEST_QUERY: usize = 16_384;

    /// A view that does not exist yet.
    #[must_use]
    pub fn create(name: ViewName, entity: ViewEntity, query: ViewQuery, now: Timestamp) -> Self {
        Self { id: ViewId::new(), name, entity, query, version: 1, created_at: now, updated_at: now }
    }

    /// Changes what is named. False when that changes nothing; the version then stays.
    pub fn change(&mut self, name: Option<ViewName>, query: Option<ViewQuery>, now: Timestamp) -> bool {
        let (name, query) = (name.unwrap_or_else(|| self.name.clone()), query.unwrap_or_else(|| self.query.clone()));
        if (&name, &query) == (&self.name, &self.query) {
            return false;
        }
        (self.name, self.query) = (name, query);
        (self.version, self.updated_at) = (self.version + 1, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_differs_makes_a_version() {
        let query = |words: &str| json!({"q": words}).as_object().cloned().unwrap();
        let (then, now) = (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH + chrono::Duration::days(1));
        let name = |text: &str| ViewName::parse(text).unwrap();
        let mut view = View::create(name("Lamps"), ViewEntity::Products, query("lamp"), then);
        assert!(!view.change(None, None, now) && !view.change(Some(name(" Lamps ")), Some(query("lamp")), now));
        assert_eq!((view.version, view.updated_at), (1, then));
        assert!(view.change(Some(name("Lights")), None, now) && view.change(None, Some(query("light")), now));
        assert_eq!((view.version, view.name.as_str(), view.updated_at), (3, "Lights", now));
        for wrong in ["", "  ", "a\nb", &"x".repeat(101)] {
            assert!(ViewName::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
