//! One category by its id, with the way to it.

use access::Permission;
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName, SelectableHelper,
    sql_types::{BigInt, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use kernel::{CategoryId, Slug};
use mediator::{Query, ReadConn, Tenant};
use persistence::statement;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::list_categories::CategoryNode;
use crate::{
    domain::{Category, CategoryName, TreeError},
    error::Error,
    projections::category::CategoryRow,
    schema::categories,
};

/// Asks for one category.
#[derive(Debug, Clone, Copy)]
pub struct FindCategory {
    /// The category to find.
    pub category: CategoryId,
}

/// A category and the way to it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FoundCategory {
    /// The category.
    #[serde(flatten)]
    pub node: CategoryNode,
    /// Every category from the root down to this one.
    pub breadcrumbs: Vec<Breadcrumb>,
}

/// A category on the way to another one.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Breadcrumb {
    /// The category.
    pub id: CategoryId,
    /// The name that people see.
    pub name: CategoryName,
    /// The name in addresses.
    pub slug: Slug,
}

impl Query for FindCategory {
    const NAME: &'static str = "category.find-category";
    const REQUIRES: Permission = Permission::CategoryRead;
    type Tenancy = Tenant;
    type Reply = FoundCategory;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<FoundCategory, Error> {
        let row: Option<CategoryRow> = categories::table
            .filter(categories::org_id.eq(read.organisation().uuid()))
            .filter(categories::category_id.eq(self.category.uuid()))
            .select(CategoryRow::as_select())
            .get_result(read.connection())
            .await
            .optional()?;
        let category: Category = row.ok_or(TreeError::Unknown { category: self.category })?.try_into()?;
        let above = above(read, &category).await?;
        let counted = counted(read, self.category).await?;
        let way = || above.iter().chain([&category]);
        let breadcrumbs = way().map(Breadcrumb::from).collect();
        let retired = way().any(|category| category.retired_at().is_some());
        let node = CategoryNode { retired, products: counted.own, products_below: counted.below, category };
        Ok(FoundCategory { node, breadcrumbs })
    }
}

impl From<&Category> for Breadcrumb {
    fn from(category: &Category) -> Self {
        Self { id: category.id(), name: category.name().clone(), slug: category.slug().clone() }
    }
}

/// The categories above one, from the root down.
pub(super) async fn above(read: &mut ReadConn<'_>, category: &Category) -> Result<Vec<Category>, Error> {
    let ids = category.path().iter().filter(|id| **id != category.id());
    let rows: Vec<CategoryRow> = categories::table
        .filter(categories::org_id.eq(read.organisation().uuid()))
        .filter(categories::category_id.eq_any(ids.map(|id| id.uuid()).collect::<Vec<Uuid>>()))
        .select(CategoryRow::as_select())
        .load(read.connection())
        .await?;
    let mut above = rows.into_iter().map(Category::try_from).collect::<Result<Vec<_>, _>>()?;
    above.sort_by_key(|category| category.path().len());
    Ok(above)
}

async fn counted(read: &mut ReadConn<'_>, category: CategoryId) -> Result<CountedRow, Error> {
    let organisation = read.organisation().uuid();
    Ok(statement(
        "select coalesce(sum(c.products) filter (where c.categories @> array[$2]), 0)::bigint as own,
                coalesce(sum(c.products), 0)::bigint as below
         from product_counts c
         where c.org_id = $1
           and c.categories && array(select b.category_id from categories b where b.org_id = $1 and b.path @> array[$2])",
    )
    .bind::<SqlUuid, _>(organisation)
    .bind::<SqlUuid, _>(category.uuid())
    .get_result(read.connection())
    .await?)
}

#[derive(QueryableByName)]
struct CountedRow {
    #[diesel(sql_type = BigInt)]
    own: i64,
    #[diesel(sql_type = BigInt)]
    below: i64,
}
