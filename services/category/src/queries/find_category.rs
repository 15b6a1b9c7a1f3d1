//! One category by its id.

use access::Permission;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::CategoryId;
use mediator::{Query, ReadConn, Tenant};

use crate::{
    domain::{Category, TreeError},
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

impl Query for FindCategory {
    const NAME: &'static str = "category.find-category";
    const REQUIRES: Permission = Permission::CategoryRead;
    type Tenancy = Tenant;
    type Reply = Category;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Category, Error> {
        let organisation = read.organisation().uuid();
        let row: Option<CategoryRow> = categories::table
            .filter(categories::org_id.eq(organisation))
            .filter(categories::category_id.eq(self.category.uuid()))
            .select(CategoryRow::as_select())
            .get_result(read.connection())
            .await
            .optional()?;
        row.ok_or(TreeError::Unknown { category: self.category })?.try_into()
    }
}
