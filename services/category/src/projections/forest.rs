//! Many categories of an organisation in the order of its tree, and the products that stand in them.

use std::collections::{HashMap, HashSet};

use diesel::{ExpressionMethods, PgArrayExpressionMethods, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::CategoryId;
use persistence::ReadConn;
use uuid::Uuid;

use super::category::CategoryRow;
use crate::{
    domain::{Category, Counts, Tally},
    error::Error,
    schema::{categories, product_counts},
};

/// Categories, depth first and in the order of siblings, and the tallies of the organisation's products.
pub(crate) struct Forest {
    categories: Vec<Category>,
    tallies: Vec<Tally>,
}

impl Forest {
    /// The whole tree of the transaction's organisation.
    pub(crate) async fn whole(read: &mut ReadConn<'_>) -> Result<Self, Error> {
        let rows = categories::table
            .filter(categories::org_id.eq(read.organisation().uuid()))
            .select(CategoryRow::as_select())
            .load(read.connection())
            .await?;
        Self::of(read, rows).await
    }

    /// A category and everything below it; nothing when there is no such category.
    pub(crate) async fn below(read: &mut ReadConn<'_>, root: CategoryId) -> Result<Self, Error> {
        let rows = categories::table
            .filter(categories::org_id.eq(read.organisation().uuid()))
            .filter(categories::path.contains(vec![root.uuid()]))
            .select(CategoryRow::as_select())
            .load(read.connection())
            .await?;
        Self::of(read, rows).await
    }

    async fn of(read: &mut ReadConn<'_>, rows: Vec<CategoryRow>) -> Result<Self, Error> {
        let categories = rows.into_iter().map(Category::try_from).collect::<Result<Vec<_>, _>>()?;
        let tallies: Vec<(Vec<Uuid>, i64, i64)> = product_counts::table
            .filter(product_counts::org_id.eq(read.organisation().uuid()))
            .select((product_counts::categories, product_counts::products, product_counts::active))
            .load(read.connection())
            .await?;
        let tally = |(categories, products, active): (Vec<Uuid>, i64, i64)| Tally {
            categories: categories.into_iter().map(CategoryId::from_uuid).collect(),
            products,
            active,
        };
        Ok(Self { categories: depth_first(categories), tallies: tallies.into_iter().map(tally).collect() })
    }

    /// The categories in their order.
    pub(crate) fn categories(&self) -> &[Category] {
        &self.categories
    }

    /// Those that are retired, or stand below one that is.
    pub(crate) fn retired(&self) -> HashSet<CategoryId> {
        let retired = self.categories.iter().filter(|category| category.retired_at().is_some());
        let themselves: HashSet<CategoryId> = retired.map(Category::id).collect();
        let below = self.categories.iter().filter(|category| category.path().iter().any(|id| themselves.contains(id)));
        below.map(Category::id).collect()
    }

    /// Keeps those that are not retired. What stands in the others counts nowhere any more.
    pub(crate) fn without_retired(mut self) -> Self {
        let retired = self.retired();
        self.categories.retain(|category| !retired.contains(&category.id()));
        self
    }

    /// How many products stand in these categories; `number` says which number of a tally counts.
    pub(crate) fn counts(&self, number: impl Fn(&Tally) -> i64) -> Counts {
        let paths: HashMap<CategoryId, &[CategoryId]> =
            self.categories.iter().map(|category| (category.id(), category.path())).collect();
        Counts::of(&self.tallies, |id| paths.get(&id).copied(), number)
    }
}

/// Sorts by the positions along the path, so that everything below a category follows it.
fn depth_first(mut all: Vec<Category>) -> Vec<Category> {
    let positions: HashMap<CategoryId, i32> = all.iter().map(|category| (category.id(), category.position())).collect();
    all.sort_by_cached_key(|category| -> Vec<i32> {
        category.path().iter().map(|id| positions.get(id).copied().unwrap_or(i32::MAX)).collect()
    });
    all
}
