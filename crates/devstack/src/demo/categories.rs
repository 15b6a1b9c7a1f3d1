//! The category tree that a file needs. Categories that exist are found by their slugs; missing ones are created, parents
//! first.

use std::collections::BTreeMap;

use devstack::Error;
use serde_json::{Value, json};

use super::client::Client;
use super::{items, words};

/// One level of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Level {
    pub(super) slug: String,
    pub(super) name: String,
}

/// A path from the root down.
pub(super) type Path = Vec<Level>;

#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) created: usize,
    pub(super) found: usize,
}

/// Creates every path that does not exist.
pub(super) async fn ensure(client: &Client, wanted: &BTreeMap<String, Path>) -> Result<Tree, Error> {
    let list = client.get("list categories", "/admin/v1/categories").await?;
    let mut known: BTreeMap<(String, String), String> = items(&list)
        .iter()
        .map(|item| {
            ((words(&item["parent"]).to_owned(), words(&item["slug"]).to_owned()), words(&item["id"]).to_owned())
        })
        .collect();
    let mut tree = Tree::default();
    for path in wanted.values() {
        let mut parent = String::new();
        let mut is_new = false;
        for level in path {
            let place = (parent.clone(), level.slug.clone());
            parent = match known.get(&place) {
                Some(id) => id.clone(),
                None => {
                    let id = create(client, &parent, level).await?;
                    known.insert(place, id.clone());
                    is_new = true;
                    id
                }
            };
        }
        if is_new { tree.created += 1 } else { tree.found += 1 }
    }
    Ok(tree)
}

async fn create(client: &Client, parent: &str, level: &Level) -> Result<String, Error> {
    let mut content = json!({"name": level.name, "slug": level.slug});
    if !parent.is_empty() {
        content["parent"] = Value::from(parent);
    }
    let made = client.post("create a category", "/admin/v1/categories", &content).await?;
    Ok(words(&made["id"]).to_owned())
}
