//! Domain → contract: the state of one category, published on `category.category.v1` whenever it changes.

use contracts::category::CategoryState;

use crate::domain::Category;

/// The state that others see.
#[must_use]
pub fn state(category: &Category) -> CategoryState {
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
