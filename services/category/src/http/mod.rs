//! The route table. Permissions stand on the commands and queries; handlers only translate.

mod bulk;
mod categories;
mod problems;
mod shop;

use rest::{Api, Routes};

use crate::{
    commands::{
        ChangeCategory, CreateCategory, MoveCategory, PlaceCategories, ReorderCategories, RestoreCategory,
        RetireCategory,
    },
    queries::{BrowseCategories, DescribeCategories, FindCategory, FindShopCategory, ListCategories, QueryCategories},
};

/// Every route of this service.
#[must_use]
pub fn routes() -> Routes {
    Api::new("category", "The category tree of each organisation")
        .problems(&problems::ALL)
        .post("/admin/v1/categories", categories::create, |op| {
            op.summary("Create a category").sends::<CreateCategory>().problems(&problems::CREATE)
        })
        .get("/admin/v1/categories", categories::list, |op| {
            op.summary("List the category tree, or a part of it").asks::<ListCategories>()
        })
        .post("/admin/v1/categories/bulk", bulk::place, |op| {
            op.summary("Create many categories at once")
                .description(
                    "The reply names every node that could not be placed, with the reason; the others are created, in one \
                     transaction. A node whose parent is not placed is not placed either.",
                )
                .sends::<PlaceCategories>()
                .problems(&problems::PLACE)
        })
        .post("/admin/v1/categories/reorder", categories::reorder, |op| {
            op.summary("Put the children of a category in an order")
                .sends::<ReorderCategories>()
                .problems(&problems::REORDER)
        })
        .post("/admin/v1/categories/query", categories::query, |op| {
            op.summary("Query categories").asks::<QueryCategories>()
        })
        .get("/admin/v1/categories/fields", categories::fields, |op| {
            op.summary("List what can be asked of categories").asks::<DescribeCategories>()
        })
        .get("/admin/v1/categories/{category}", categories::find, |op| {
            op.summary("Read a category with the way to it").asks::<FindCategory>()
        })
        .patch("/admin/v1/categories/{category}", categories::change, |op| {
            op.summary("Change a category").sends::<ChangeCategory>().problems(&problems::CHANGE)
        })
        .post("/admin/v1/categories/{category}/retire", categories::retire, |op| {
            op.summary("Take a category with everything below it out of the tree").sends::<RetireCategory>()
        })
        .post("/admin/v1/categories/{category}/restore", categories::restore, |op| {
            op.summary("Bring a retired category back").sends::<RestoreCategory>().problems(&problems::RESTORE)
        })
        .post("/admin/v1/categories/{category}/move", categories::relocate, |op| {
            op.summary("Move a category with everything below it").sends::<MoveCategory>().problems(&problems::MOVE)
        })
        .get("/store/v1/{organisation}/categories", shop::list, |op| {
            op.summary("List the category tree of a shop").asks::<BrowseCategories>()
        })
        .get("/store/v1/{organisation}/categories/{category}", shop::find, |op| {
            op.summary("Read a category of a shop with the way to it").asks::<FindShopCategory>()
        })
        .finish()
}
