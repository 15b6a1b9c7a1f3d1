//! Creates many categories in one call: a whole tree, or a part of one.

use access::Permission;
use kernel::{Clock, Slug};
use mediator::{Command, Tenant, Tx};

use super::save;
use crate::{
    domain::{BulkNode, PlacedTree, place},
    error::Error,
    store::trees,
};

/// Creates categories from nodes in any order, in one transaction.
#[derive(Debug, Clone)]
pub struct PlaceCategories {
    /// The nodes.
    pub nodes: Vec<BulkNode>,
    /// The system whose references those of the nodes are; none when the references are good for this call only.
    pub system: Option<Slug>,
    /// Whether nothing is created when one node cannot be placed.
    pub all_or_nothing: bool,
}

impl Command for PlaceCategories {
    const NAME: &'static str = "category.place-categories";
    const REQUIRES: Permission = Permission::CategoryWrite;
    type Tenancy = Tenant;
    type Reply = PlacedTree;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<PlacedTree, Error> {
        let mut tree = trees::lock(tx).await?;
        let placed = place(&mut tree, &self.nodes, self.system.as_ref(), Clock::now());
        if self.all_or_nothing && !placed.not_placed.is_empty() {
            return Err(Error::NotAllPlaced { not_placed: placed.not_placed });
        }
        save(tx, &tree).await?;
        Ok(placed)
    }
}
