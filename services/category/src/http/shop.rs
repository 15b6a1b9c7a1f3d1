//! The category tree in the public shop.

use rest::{Addressed, Anyone, App, Fingerprinted, Path, Problem};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    domain::CategoryAddress,
    queries::{BrowseCategories, FindShopCategory, FoundShopCategory, ShopCategoryList, ShopPlace},
};

/// The category.
#[derive(Deserialize, JsonSchema)]
pub(super) struct ShopCategoryPath {
    /// Its id, or the slugs from the top level down to it, as they are or were, with escaped slashes between them
    /// (`lamps%2Fdesk`).
    category: CategoryAddress,
}

pub(super) async fn list(app: App, by: Anyone) -> Result<Fingerprinted<ShopCategoryList>, Problem> {
    Fingerprinted::public(&app.ask(&by, BrowseCategories).await?)
}

pub(super) async fn find(
    app: App,
    by: Anyone,
    Path(at): Path<ShopCategoryPath>,
) -> Result<Addressed<Fingerprinted<FoundShopCategory>>, Problem> {
    match app.ask(&by, FindShopCategory { address: at.category }).await? {
        ShopPlace::Here(found) => Ok(Addressed::Here(Fingerprinted::public(found.as_ref())?)),
        ShopPlace::Moved(path) => Ok(Addressed::Moved(path.to_string().replace('/', "%2F"))),
    }
}
