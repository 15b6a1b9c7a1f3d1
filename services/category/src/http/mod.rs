//! The route table. Permissions stand on the commands and queries; handlers only translate.

mod categories;
mod problems;
mod shop;

use rest::{Api, Routes};

use crate::{
    commands::{CreateCategory, MoveCategory, RenameCategory},
    queries::{BrowseCategories, FindCategory, ListCategories},
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
            op.summary("List the whole category tree").asks::<ListCategories>()
        })
        .get("/admin/v1/categories/{category}", categories::find, |op| {
            op.summary("Read a category").asks::<FindCategory>()
        })
        .patch("/admin/v1/categories/{category}", categories::rename, |op| {
            op.summary("Rename a category").sends::<RenameCategory>().problems(&problems::RENAME)
        })
        .post("/admin/v1/categories/{category}/move", categories::relocate, |op| {
            op.summary("Move a category with everything below it").sends::<MoveCategory>().problems(&problems::MOVE)
        })
        .get("/store/v1/{organisation}/categories", shop::list, |op| {
            op.summary("List the category tree of a shop").asks::<BrowseCategories>()
        })
        .finish()
}
