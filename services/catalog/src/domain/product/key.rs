//! What an address names a product by.
//! The rule: no slug has the form of an id, since an id has an underscore.

use std::borrow::Cow;
use std::fmt;

use kernel::{Malformed, ProductId, Slug};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

/// A product in an address of the shop.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum ProductKey {
    /// The id, which never changes.
    Id(ProductId),
    /// The slug that it has, or had.
    Slug(Slug),
}

impl TryFrom<String> for ProductKey {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        match text.parse() {
            Ok(product) => Ok(Self::Id(product)),
            Err(_) => Slug::parse(&text).map(Self::Slug),
        }
    }
}

impl JsonSchema for ProductKey {
    fn schema_name() -> Cow<'static, str> {
        "ProductKey".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let forms = [generator.subschema_for::<ProductId>(), generator.subschema_for::<Slug>()];
        json_schema!({"anyOf": forms})
    }
}

impl fmt::Display for ProductKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(product) => product.fmt(formatter),
            Self::Slug(slug) => slug.fmt(formatter),
        }
    }
}
