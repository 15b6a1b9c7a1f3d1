//! Makes, changes and removes roles of an organisation's own. Whoever has a changed role has its new permissions at once.

use access::{Permission, Permissions};
use kernel::{Clock, Expected, Slug};
use mediator::{Command, Tenant, Tx};

use super::{permitted, settle};
use crate::{
    domain::{Authority, OwnRole, RoleName, RoleView, role},
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
    /// Who does it: nobody grants or takes away more than they may do themselves.
    pub by: Authority,
}

impl Command for CreateRole {
    const NAME: &'static str = "auth.create-role";
    const REQUIRES: Permission = Permission::RoleManage;
    type Tenancy = Tenant;
    type Reply = RoleView;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<RoleView, Error> {
        memberships::lock(tx).await?;
        let by = permitted(tx, self.by, Self::REQUIRES).await?;
        role::check_grant(self.permissions, by)?;
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
    /// Who does it: nobody grants or takes away more than they may do themselves.
    pub by: Authority,
}

impl Command for ChangeRole {
    const NAME: &'static str = "auth.change-role";
    const REQUIRES: Permission = Permission::RoleManage;
    type Tenancy = Tenant;
    type Reply = RoleView;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<RoleView, Error> {
        memberships::lock(tx).await?;
        let by = permitted(tx, self.by, Self::REQUIRES).await?;
        let former = roles::lock(tx, &self.name).await?;
        Error::unless_expected(&self.expected, former.version)?;
        role::check_grant(self.permissions.union(former.permissions), by)?;
        if self.permissions == former.permissions {
            // Nothing changes, so the tokens of those who have the role stay good.
            return Ok(former.view());
        }
        let changed = former.changed(self.permissions, Clock::now());
        roles::save(tx, &changed).await?;
        let places = memberships::renew_with_role(tx, &RoleName::Own(self.name.clone())).await?;
        settle(tx, &places).await?;
        Ok(changed.view())
    }
}

/// Removes a role that nobody has.
#[derive(Debug, Clone)]
pub struct DeleteRole {
    /// The role.
    pub name: Slug,
    /// Who does it: nobody removes a role that allows more than they may do themselves.
    pub by: Authority,
}

impl Command for DeleteRole {
    const NAME: &'static str = "auth.delete-role";
    const REQUIRES: Permission = Permission::RoleManage;
    type Tenancy = Tenant;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        memberships::lock(tx).await?;
        let by = permitted(tx, self.by, Self::REQUIRES).await?;
        role::check_grant(roles::lock(tx, &self.name).await?.permissions, by)?;
        let members = memberships::with_role(tx, &RoleName::Own(self.name.clone())).await?.len();
        let holders = roles::promised(tx, &self.name).await? + i64::try_from(members).unwrap_or(i64::MAX);
        if holders > 0 {
            return Err(Error::RoleInUse { role: self.name.clone(), holders });
        }
        roles::delete(tx, &self.name).await
    }
}
