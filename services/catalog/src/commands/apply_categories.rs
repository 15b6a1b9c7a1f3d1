//! Keeping the catalog's copy of the category tree.

use access::Permission;
use kernel::CategoryId;
use mediator::Command;
use persistence::Tx;

use crate::error::CatalogError;
use crate::store;
use crate::store::categories::CategoryCopy;

/// One category as its topic has it.
#[derive(Debug, Clone)]
pub struct CategoryNews {
    /// Which.
    pub category: CategoryId,
    /// Its state; none when it is gone.
    pub state: Option<CategoryRecord>,
}

/// What the catalog keeps of a category.
#[derive(Debug, Clone)]
pub struct CategoryRecord {
    /// The category above.
    pub parent: Option<CategoryId>,
    /// Its name in addresses, unique among its siblings.
    pub slug: String,
    /// From the root to the category itself.
    pub path: Vec<CategoryId>,
    /// Whether it was taken out of the tree.
    pub removed: bool,
    /// Rises with every change.
    pub version: i64,
}

/// Applies states of categories, in any order and any number of times.
#[derive(Debug, Clone)]
pub struct ApplyCategories {
    /// The states.
    pub news: Vec<CategoryNews>,
}

impl Command for ApplyCategories {
    const NAME: &'static str = "catalog.apply-categories";
    const REQUIRES: Permission = Permission::System;
    type Reply = ();
    type Error = CatalogError;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<(), CatalogError> {
        let organisation = tx.organisation();
        let mut copies = Vec::new();
        let mut gone = Vec::new();
        for news in &self.news {
            match &news.state {
                Some(record) => copies.push(CategoryCopy {
                    category: news.category,
                    parent: record.parent,
                    slug: record.slug.clone(),
                    path: record.path.clone(),
                    removed: record.removed,
                    version: record.version,
                }),
                None => gone.push(news.category.uuid()),
            }
        }
        store::categories::apply(tx.connection(), organisation, &copies).await?;
        store::categories::forget(tx.connection(), organisation, &gone).await
    }
}
