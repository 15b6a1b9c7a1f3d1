//! The category tree in the public shop.

use rest::{Anyone, App, Problem};

use crate::queries::{BrowseCategories, ShopCategoryList};

pub(super) async fn list(app: App, by: Anyone) -> Result<rest::Ok<ShopCategoryList>, Problem> {
    Ok(rest::Ok(app.ask(&by, BrowseCategories).await?))
}
