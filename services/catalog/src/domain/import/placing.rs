//! The categories that a row names. The rule: a name means one category or none, and whoever wrote it hears which.

use std::borrow::Cow;
use std::collections::HashSet;

use kernel::{CategoryId, Malformed, Slug};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use super::{ImportedProduct, RowFault};
use crate::domain::product::Product;

/// A category by the slugs that lead to it, as many of its ancestors' before its own as make it the only one, or by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CategoryReference {
    /// The id of the category.
    Id(CategoryId),
    /// Slugs from an ancestor down, joined by `/`.
    Path(String),
}

impl CategoryReference {
    /// The longest path, in characters.
    pub const LONGEST: usize = 1_000;

    /// Reads a reference.
    ///
    /// # Errors
    /// When it is neither an id nor slugs joined by `/`.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if let Ok(category) = text.parse() {
            return Ok(Self::Id(category));
        }
        if text.len() <= Self::LONGEST && text.split('/').all(|part| Slug::parse(part).is_ok()) {
            return Ok(Self::Path(text.to_owned()));
        }
        Err(Malformed::new(
            "category",
            "must be the slug of a category, its parents' before it as in parent/child, or its id",
        ))
    }

    /// The slug of the category itself.
    #[must_use]
    pub fn slug(&self) -> Option<&str> {
        match self {
            Self::Id(_) => None,
            Self::Path(path) => path.rsplit('/').next(),
        }
    }
}

impl<'de> Deserialize<'de> for CategoryReference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Cow::<'de, str>::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl JsonSchema for CategoryReference {
    fn schema_name() -> Cow<'static, str> {
        "CategoryReference".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string", "minLength": 1, "maxLength": Self::LONGEST,
            "description": "A category's slug, preceded by the slugs of its parents where one alone is ambiguous, joined by `/`; or \
                            its id.",
        })
    }
}

/// What a row says of its product's categories.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placing {
    /// The primary one; `Some(None)` takes the product out of all.
    pub category: Option<Option<CategoryId>>,
    /// All of them.
    pub categories: Option<Vec<CategoryId>>,
}

/// The categories in use that rows may mean.
#[derive(Debug, Default)]
pub struct KnownCategories {
    /// Those that were named by slugs, each with the slugs from its root down to itself, joined by `/`.
    pub paths: Vec<(CategoryId, String)>,
    /// Those that were named by their ids.
    pub ids: HashSet<CategoryId>,
}

impl KnownCategories {
    /// The categories that a row means. Those that the product is in already need not be in use any more.
    ///
    /// # Errors
    /// Every reference that means no category, with its column.
    pub fn of(&self, row: &ImportedProduct, stored: Option<&Product>) -> Result<Placing, Vec<RowFault>> {
        let mut faults = Vec::new();
        let mut find = |column: String, named: &CategoryReference| {
            let found = self.find(named, stored);
            found.map_err(|reason| faults.push(RowFault::new(column, reason))).ok()
        };
        let category =
            row.category.as_ref().map(|named| named.as_ref().and_then(|one| find("category".to_owned(), one)));
        let categories = row.categories.as_ref().map(|all| {
            let all = all.iter().flatten().enumerate();
            all.filter_map(|(at, named)| find(format!("categories[{at}]"), named)).collect()
        });
        if faults.is_empty() { Ok(Placing { category, categories }) } else { Err(faults) }
    }

    fn find(&self, named: &CategoryReference, stored: Option<&Product>) -> Result<CategoryId, String> {
        let path = match named {
            CategoryReference::Path(path) => path,
            CategoryReference::Id(category) => {
                let is_in_it = |product: &Product| product.details().categories.contains(category);
                return match self.ids.contains(category) || stored.is_some_and(is_in_it) {
                    true => Ok(*category),
                    false => Err(format!("{category} is not a category of this organisation")),
                };
            }
        };
        let ends =
            |whole: &str| whole.strip_suffix(path).is_some_and(|before| before.is_empty() || before.ends_with('/'));
        let mut found = self.paths.iter().filter(|(_, whole)| ends(whole));
        match (found.next(), found.next()) {
            (Some((category, _)), None) => Ok(*category),
            // A root is found by its own slug, even when categories further down have the same slug.
            (Some(_), Some(_)) => match self.paths.iter().find(|(_, whole)| whole == path) {
                Some((category, _)) => Ok(*category),
                None => Err(format!(
                    "more than one category ends with {path}; write its parents before it, as in parent/{path}"
                )),
            },
            (None, _) => Err(format!("there is no category {path}")),
        }
    }
}
