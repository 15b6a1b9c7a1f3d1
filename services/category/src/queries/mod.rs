//! What can be asked: one question per file.

mod browse_categories;
mod find_category;
mod find_shop_category;
mod list_categories;
mod list_counted_organisations;
mod query_categories;
mod read_clock;

pub use browse_categories::{BrowseCategories, ShopCategory, ShopCategoryList};
pub use find_category::{Breadcrumb, FindCategory, FoundCategory};
pub use find_shop_category::{FindShopCategory, FoundShopCategory, ShopPlace};
pub use list_categories::{CategoryList, CategoryNode, ListCategories};
pub use list_counted_organisations::ListCountedOrganisations;
pub use query_categories::{Categories, DescribeCategories, QueryCategories};
pub use read_clock::ReadClock;
