//! Queries under names: saved, changed and deleted. Whether a query can be answered is asked before, by `CheckView`.

use access::Permission;
use kernel::{Clock, Expected, ViewId};
use mediator::{Command, Tenant};
use persistence::Tx;

use crate::domain::view::{View, ViewEntity, ViewName, ViewQuery};
use crate::error::Error;
use crate::store;

/// Saves a new view.
#[derive(Debug, Clone)]
pub struct CreateView {
    /// What people call it.
    pub name: ViewName,
    /// What it lists.
    pub entity: ViewEntity,
    /// What is asked of them, as `POST …/query` takes it.
    pub query: ViewQuery,
}

impl Command for CreateView {
    const NAME: &'static str = "catalog.create-view";
    const REQUIRES: Permission = Permission::ProductWrite;
    type Tenancy = Tenant;
    type Reply = View;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<View, Error> {
        let Self { name, entity, query } = self.clone();
        let created = View::create(name, entity, query, Clock::now());
        store::views::refuse_taken(tx, entity, &created.name, created.id).await?;
        store::views::insert(tx, &created).await?;
        Ok(created)
    }
}

/// Changes a view that the caller has read in one of the versions `expected`.
#[derive(Debug, Clone)]
pub struct ChangeView {
    /// The view.
    pub view: ViewId,
    /// The versions that the caller has seen.
    pub expected: Expected,
    /// Its new name.
    pub name: Option<ViewName>,
    /// Its new query.
    pub query: Option<ViewQuery>,
}

impl Command for ChangeView {
    const NAME: &'static str = "catalog.change-view";
    const REQUIRES: Permission = Permission::ProductWrite;
    type Tenancy = Tenant;
    type Reply = View;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<View, Error> {
        let mut view = store::views::lock(tx, self.view).await?;
        if !self.expected.includes(view.version) {
            return Err(Error::StaleView { view: self.view, current: view.version });
        }
        if view.change(self.name.clone(), self.query.clone(), Clock::now()) {
            store::views::refuse_taken(tx, view.entity, &view.name, view.id).await?;
            store::views::save(tx, &view).await?;
        }
        Ok(view)
    }
}

/// Deletes a view.
#[derive(Debug, Clone)]
pub struct DeleteView {
    /// The view.
    pub view: ViewId,
}

impl Command for DeleteView {
    const NAME: &'static str = "catalog.delete-view";
    const REQUIRES: Permission = Permission::ProductWrite;
    type Tenancy = Tenant;
    type Reply = View;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<View, Error> {
        let view = store::views::lock(tx, self.view).await?;
        store::views::delete(tx, self.view).await?;
        Ok(view)
    }
}
