//! What can be changed: one use case per file. Those of the tree lock it first, let it decide, then save and record what
//! changed.

mod apply_products;
mod change_category;
mod create_category;
mod drop_untouched_products;
mod move_category;
mod place_categories;
mod reorder_categories;
mod restore_category;
mod retire_category;

use mediator::Tx;

pub use apply_products::ApplyProducts;
pub use change_category::ChangeCategory;
pub use create_category::{CreateCategory, NewSlug};
pub use drop_untouched_products::DropUntouchedProducts;
pub use move_category::MoveCategory;
pub use place_categories::PlaceCategories;
pub use reorder_categories::ReorderCategories;
pub use restore_category::RestoreCategory;
pub use retire_category::RetireCategory;

use crate::{domain::Tree, error::Error, published, store::trees};

/// Saves what a command changed and records the new state of each changed category, parents first. What was only carried
/// along by a move is saved and says nothing: its readers derive its path from its parents.
async fn save(tx: &mut Tx<'_>, tree: &Tree) -> Result<(), Error> {
    let changes = tree.changes();
    trees::save(tx, &changes).await?;
    trees::save_paths(tx, &tree.carried()).await?;
    for category in changes {
        tx.record(category.version(), published::category(category));
    }
    Ok(())
}
