//! The terms of this service and their rules: a category and the tree that it belongs to. Pure; knows the kernel only.

mod category;
mod tree;

pub use category::{Category, CategoryName, Placement};
pub use tree::{CHILDREN_LIMIT, DEPTH_LIMIT, TREE_LIMIT, Tree, TreeError};
