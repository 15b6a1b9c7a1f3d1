//! Makes, changes and removes roles of an organisation's own. Whoever has a changed role has its new permissions at once.

use access::{Permission, Permissions};
use kernel::{Clock, Expected, Slug};
use mediator::{Command, Tenant, Tx};

use super::save_place;
use crate::{
    domain::{OwnRole, RoleName, RoleView, role},
    error::Error,
    store::{memberships, roles},
};

/// Makes a role.
#[derive(Debug, Clone)]
pub struct CreateRole {
    /// Its name, unique in the organisation.
    pub name: Slug,
    /// What it allows.
    pub permissions: Permissions,
    /// What the caller may do: nobody makes a role that allows more.
    pub by: Permissions,
}

impl Command for CreateRole {
    const NAME: &'static str = "auth.create-role";
    const REQUIRES: Permission = Permission::RoleManage;
    type Tenancy = Tenant;
    type Reply = RoleView;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<RoleView, Error> {
        role::check_grant(self.permissions, self.by)?;
        let created = OwnRole::create(self.name.clone(), self.permissions, Clock::now());
        roles::insert(tx, &created).await?;
        Ok(created.view())
    }
}

/// Gives a role other permissions.
#[derive(Debug, Clone)]
pub struct ChangeRole {
    /// The role.
    pub name: Slug,
    /// The versions that the caller saw.
    pub expected: Expected,
    /// What it allows from now on.
    pub permissions: Permissions,
    /// What the caller may do: nobody grants or takes away more.
    pub by: Permissions,
}

impl Command for ChangeRole {
    const NAME: &'static str = "auth.change-role";
    const REQUIRES: Permission = Permission::RoleManage;
    type Tenancy = Tenant;
    type Reply = RoleView;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<RoleView, Error> {
        memberships::lock(tx).await?;
        let former = roles::lock(tx, &self.name).await?;
        Error::unless_expected(&self.expected, former.version)?;
        role::check_grant(self.permissions.union(former.permissions), self.by)?;
        let changed = former.changed(self.permissions, Clock::now());
        roles::save(tx, &changed).await?;
        // The places are read after the role was saved, so they have its new permissions.
        for place in memberships::with_role(tx, &RoleName::Own(self.name.clone())).await? {
            let (names, permissions) = (place.roles.clone(), place.permissions);
            save_place(tx, &place.with_roles(names, permissions)).await?;
        }
        Ok(changed.view())
    }
}

/// Removes a role that nobody has.
#[derive(Debug, Clone)]
pub struct DeleteRole {
    /// The role.
    pub name: Slug,
}

impl Command for DeleteRole {
    const NAME: &'static str = "auth.delete-role";
    const REQUIRES: Permission = Permission::RoleManage;
    type Tenancy = Tenant;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        memberships::lock(tx).await?;
        roles::lock(tx, &self.name).await?;
        let members = memberships::with_role(tx, &RoleName::Own(self.name.clone())).await?.len();
        let holders = roles::promised(tx, &self.name).await? + i64::try_from(members).unwrap_or(i64::MAX);
        if holders > 0 {
            return Err(Error::RoleInUse { role: self.name.clone(), holders });
        }
        roles::delete(tx, &self.name).await
    }
}
