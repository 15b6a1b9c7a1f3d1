//! What can be asked: one question per file. All of them read the same projection.

mod browse_categories;
mod find_category;
mod list_categories;

pub use browse_categories::{BrowseCategories, ShopCategory, ShopCategoryList};
pub use find_category::FindCategory;
pub use list_categories::{CategoryList, ListCategories};
