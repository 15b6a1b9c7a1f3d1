//! The category tree in the public shop.

use rest::{Anyone, App, Fingerprinted, Problem};

use crate::queries::{BrowseCategories, ShopCategoryList};

pub(super) async fn list(app: App, by: Anyone) -> Result<Fingerprinted<ShopCategoryList>, Problem> {
    Fingerprinted::public(&app.ask(&by, BrowseCategories).await?)
}
