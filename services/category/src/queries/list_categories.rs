//! The whole tree of an organisation for its staff, as a flat list: each parent comes right before its children.

use std::collections::BTreeMap;

use access::Permission;
use diesel::{ExpressionMethods, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::CategoryId;
use mediator::{Query, ReadConn, Tenant};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{domain::Category, error::Error, projections::category::CategoryRow, schema::categories};

/// Asks for every category of the organisation.
#[derive(Debug, Clone, Copy)]
pub struct ListCategories;

/// Every category of an organisation, at most 5,000.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CategoryList {
    /// Depth first and in the order of siblings: indented by the length of `path`, the list shows the tree.
    pub items: Vec<Category>,
}

impl Query for ListCategories {
    const NAME: &'static str = "category.list-categories";
    const REQUIRES: Permission = Permission::CategoryRead;
    type Tenancy = Tenant;
    type Reply = CategoryList;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<CategoryList, Error> {
        Ok(CategoryList { items: in_order(read).await? })
    }
}

/// The tree of the transaction's organisation, depth first.
pub(super) async fn in_order(read: &mut ReadConn<'_>) -> Result<Vec<Category>, Error> {
    let organisation = read.organisation().uuid();
    let rows: Vec<CategoryRow> = categories::table
        .filter(categories::org_id.eq(organisation))
        .select(CategoryRow::as_select())
        .load(read.connection())
        .await?;
    let all = rows.into_iter().map(Category::try_from).collect::<Result<Vec<_>, _>>()?;
    Ok(depth_first(all))
}

/// Sorts by the positions along the path, so that everything below a category follows it.
fn depth_first(mut all: Vec<Category>) -> Vec<Category> {
    let positions: BTreeMap<CategoryId, i32> =
        all.iter().map(|category| (category.id(), category.position())).collect();
    all.sort_by_cached_key(|category| -> Vec<i32> {
        category.path().iter().map(|id| positions.get(id).copied().unwrap_or(i32::MAX)).collect()
    });
    all
}
