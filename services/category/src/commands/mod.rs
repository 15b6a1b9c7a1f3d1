//! What can be changed: one use case per file. Each locks the tree first, lets it decide, then saves and records what
//! changed.

mod create_category;
mod move_category;
mod rename_category;

use mediator::Tx;

pub use create_category::{CreateCategory, NewSlug};
pub use move_category::MoveCategory;
pub use rename_category::RenameCategory;

use crate::{domain::Tree, error::Error, published, store::trees};

/// Saves what a command changed and records the new state of each changed category, parents first.
async fn save(tx: &mut Tx<'_>, tree: &Tree) -> Result<(), Error> {
    let changes = tree.changes();
    trees::save(tx, &changes).await?;
    for category in changes {
        tx.record(category.version(), published::category(category));
    }
    Ok(())
}
