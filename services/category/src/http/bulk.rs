//! A whole tree in one call. The body is held to bounds only: what is wrong with a node is said of that node, in the reply.

use std::str::FromStr;

use kernel::{CategoryId, Malformed, Slug};
use rest::{App, Body, IdempotencyKey, Problem, Recorded, Staff, parses};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    commands::PlaceCategories,
    domain::{BulkNode, PlacedTree, ReferenceValue, SentText},
};

/// Categories to create, in any order.
#[derive(Debug, Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct PlaceCategoriesBody {
    /// At most 10,000. Children of one parent stand in this order.
    #[garde(length(min = 1, max = 10_000), dive)]
    nodes: Vec<NodeBody>,
    /// The code of the system that the references are from. Each becomes the category's reference in that system.
    #[garde(inner(custom(parses(Slug::parse))))]
    #[schemars(with = "Option<Slug>")]
    system: Option<String>,
    /// Whether nothing is created when one node cannot be placed.
    #[garde(skip)]
    #[serde(default)]
    all_or_nothing: bool,
}

/// A category to create.
#[derive(Debug, Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct NodeBody {
    /// What the caller calls it: 1 to 200 characters, unique in this call.
    #[garde(custom(parses(ReferenceValue::parse)))]
    #[schemars(with = "ReferenceValue")]
    reference: String,
    /// 1 to 120 characters. A node without a good name is reported and not placed.
    #[garde(inner(custom(parses(SentText::parse))))]
    #[schemars(with = "Option<SentText>")]
    name: Option<String>,
    /// 1 to 64 lower-case letters, digits and hyphens, unique among the siblings. Left out, it is made from the name, with a
    /// suffix when a sibling has it. A node with a bad slug is reported and not placed.
    #[garde(inner(custom(parses(SentText::parse))))]
    #[schemars(with = "Option<SentText>")]
    slug: Option<String>,
    /// The reference of its parent, a node of this call; left out with `parent` for the top level.
    #[garde(inner(custom(parses(ReferenceValue::parse))))]
    #[schemars(with = "Option<ReferenceValue>")]
    parent_reference: Option<String>,
    /// Its parent, a category that exists.
    #[garde(inner(custom(parses(CategoryId::from_str))))]
    #[schemars(with = "Option<CategoryId>")]
    parent: Option<String>,
}

pub(super) async fn place(
    app: App,
    by: Staff,
    key: IdempotencyKey,
    Body(body): Body<PlaceCategoriesBody, 1_048_576>,
) -> Result<Recorded<PlacedTree>, Problem> {
    let command = body.command()?;
    app.create(&by, &key, &body, command, |_| "/admin/v1/categories".to_owned()).await
}

impl PlaceCategoriesBody {
    fn command(&self) -> Result<PlaceCategories, Malformed> {
        Ok(PlaceCategories {
            nodes: self.nodes.iter().map(NodeBody::node).collect::<Result<_, _>>()?,
            system: self.system.as_deref().map(Slug::parse).transpose()?,
            all_or_nothing: self.all_or_nothing,
        })
    }
}

impl NodeBody {
    fn node(&self) -> Result<BulkNode, Malformed> {
        Ok(BulkNode {
            reference: ReferenceValue::parse(&self.reference)?,
            name: self.name.as_deref().map(SentText::parse).transpose()?,
            slug: self.slug.as_deref().map(SentText::parse).transpose()?,
            parent_reference: self.parent_reference.as_deref().map(ReferenceValue::parse).transpose()?,
            parent: self.parent.as_deref().map(str::parse).transpose()?,
        })
    }
}
