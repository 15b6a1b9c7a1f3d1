//! What can be asked: one question per file. All of them select the same row.

mod browse_categories;
mod find_category;
mod list_categories;
mod row;

pub use browse_categories::{BrowseCategories, ShopCategory, ShopCategoryList};
pub use find_category::FindCategory;
pub use list_categories::{CategoryList, ListCategories};
