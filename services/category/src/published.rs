//! Domain → contract: the state of one category on `category.category.v1`.
//! The rule: one state for each version of a category.

use contracts::category::CategoryState;

use crate::domain::Category;

/// The category as the other services see it.
#[must_use]
pub fn category(category: &Category) -> CategoryState {
    CategoryState {
        category: category.id(),
        parent: category.parent(),
        name: category.name().as_str().to_owned(),
        slug: category.slug().clone(),
        path: category.path().to_vec(),
        position: category.position(),
        removed: false,
        version: category.version(),
    }
}
