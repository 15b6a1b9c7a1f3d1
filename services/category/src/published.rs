//! Domain → contract: the state of one category on `category.category.v1`.
//! The rule: one state for each version of a category.

use contracts::category::CategoryState;

use crate::domain::Category;

/// The category as the other services see it.
#[must_use]
pub fn category(category: &Category) -> CategoryState {
    let details = category.details();
    let references = details.references.iter().map(|(system, value)| (system.to_string(), value.to_string()));
    CategoryState {
        category: category.id(),
        parent: category.parent(),
        name: category.name().as_str().to_owned(),
        slug: category.slug().clone(),
        path: category.path().to_vec(),
        position: category.position(),
        removed: category.retired_at().is_some(),
        icon: details.icon.as_ref().map(ToString::to_string),
        image: details.image.as_ref().map(ToString::to_string),
        references: references.collect(),
        version: category.version(),
    }
}
