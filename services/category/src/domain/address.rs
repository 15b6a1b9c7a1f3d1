//! What an address of the shop names a category by, and where it leads.
//! The rules: no slug has the form of an id, since an id has an underscore; a slug is that of the category that has it there now, and
//! only where none has it that of the one that gave it up last.

use std::{borrow::Cow, collections::HashMap, fmt};

use kernel::{CategoryId, Malformed, Slug};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::DEPTH_LIMIT;

/// A category in an address of the shop.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum CategoryAddress {
    /// The id, which never changes.
    Id(CategoryId),
    /// The slugs from the top level down to it, as they are or were.
    Slugs(SlugPath),
}

impl TryFrom<String> for CategoryAddress {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        match text.parse() {
            Ok(category) => Ok(Self::Id(category)),
            Err(_) => SlugPath::parse(&text).map(Self::Slugs),
        }
    }
}

impl fmt::Display for CategoryAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(category) => category.fmt(formatter),
            Self::Slugs(path) => path.fmt(formatter),
        }
    }
}

impl JsonSchema for CategoryAddress {
    fn schema_name() -> Cow<'static, str> {
        "CategoryAddress".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let slugs = json_schema!({"type": "string", "pattern": "^[a-z0-9-]{1,64}(/[a-z0-9-]{1,64}){0,7}$"});
        let forms = [generator.subschema_for::<CategoryId>(), slugs];
        json_schema!({"anyOf": forms})
    }
}

/// The slugs from the top level down to a category, with slashes between them; 1 to 8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlugPath(Vec<Slug>);

impl SlugPath {
    /// # Errors
    /// When there are more than a tree has levels, or one of them is no slug.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let slugs = text.split('/').map(Slug::parse).collect::<Result<Vec<_>, _>>()?;
        if slugs.len() > DEPTH_LIMIT {
            return Err(Malformed::new("category", "must be an id, or 1 to 8 slugs with slashes between them"));
        }
        Ok(Self(slugs))
    }

    /// From the top level down.
    #[must_use]
    pub fn of(slugs: Vec<Slug>) -> Self {
        Self(slugs)
    }

    /// The slugs, from the top level down.
    #[must_use]
    pub fn slugs(&self) -> &[Slug] {
        &self.0
    }
}

impl fmt::Display for SlugPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slugs: Vec<&str> = self.0.iter().map(Slug::as_str).collect();
        formatter.write_str(&slugs.join("/"))
    }
}

/// A slug below a parent, or at the top level where there is none.
pub type Place = (Option<CategoryId>, Slug);

/// Which category each slug leads to.
#[derive(Debug, Default)]
pub struct Addresses {
    /// Those that have a slug now.
    pub present: HashMap<Place, CategoryId>,
    /// Those that gave one up last.
    pub former: HashMap<Place, CategoryId>,
}

impl Addresses {
    /// The category that a path leads to.
    #[must_use]
    pub fn leads_to(&self, path: &SlugPath) -> Option<CategoryId> {
        let below = |parent: Option<CategoryId>, slug: &Slug| {
            let place = (parent, slug.clone());
            self.present.get(&place).or_else(|| self.former.get(&place)).copied()
        };
        path.slugs().iter().try_fold(None, |parent, slug| below(parent, slug).map(Some)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slug(text: &str) -> Slug {
        Slug::parse(text).unwrap()
    }

    #[test]
    fn an_address_is_an_id_or_slugs_from_the_top_level_down() {
        let id = CategoryId::new();
        assert_eq!(CategoryAddress::try_from(id.to_string()), Ok(CategoryAddress::Id(id)));
        let path = SlugPath::of(vec![slug("lamps"), slug("desk")]);
        assert_eq!(path.to_string(), "lamps/desk");
        assert_eq!(CategoryAddress::try_from("lamps/desk".to_owned()), Ok(CategoryAddress::Slugs(path)));
        let deep = ["a"; 8].join("/");
        assert!(SlugPath::parse(&deep).is_ok());
        for text in ["", "/", "lamps/", "/lamps", "lamps//desk", "Lamps", &format!("{deep}/a"), "cat_x"] {
            assert!(CategoryAddress::try_from(text.to_owned()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn each_slug_of_a_path_may_be_a_former_one_and_a_present_one_goes_first() {
        let [lights, desk, other] = [(); 3].map(|()| CategoryId::new());
        let mut addresses = Addresses {
            present: [((None, slug("lights")), lights), ((None, slug("desk")), desk)].into(),
            former: [((None, slug("lamps")), lights), ((Some(lights), slug("desk")), desk)].into(),
        };
        let leads = |addresses: &Addresses, text: &str| addresses.leads_to(&SlugPath::parse(text).unwrap());
        for path in ["desk", "lights/desk", "lamps/desk"] {
            assert_eq!(leads(&addresses, path), Some(desk), "{path}");
        }
        assert_eq!(leads(&addresses, "lamps"), Some(lights));
        assert_eq!(leads(&addresses, "desk/lamps"), None);
        addresses.present.insert((None, slug("lamps")), other);
        assert_eq!((leads(&addresses, "lamps"), leads(&addresses, "lamps/desk")), (Some(other), None));
    }
}
