//! The terms of this service and their rules: a category, the tree that it belongs to, and the products that stand in it.
//! Pure; knows the kernel only.

mod address;
mod bulk;
mod category;
mod details;
mod products;
mod tree;

pub use address::{Addresses, CategoryAddress, Place, SlugPath};
pub use bulk::{BulkNode, Created, NotPlaced, PlacedTree, Reason, SentText, place};
pub use category::{Category, Placement};
pub use details::{CategoryName, Details, DetailsChange, Icon, ImageLink, ReferenceValue, References};
pub use products::{Counted, Counts, ProductCopy, Tally};
pub use tree::{CHILDREN_LIMIT, DEPTH_LIMIT, TREE_LIMIT, Tree, TreeError};
