//! Roles: the built-in ones and those that an organisation makes for itself.
//! The rules: nobody hands out more than they have, and an organisation always has an owner.

use access::{Permission, Permissions, Role};
use kernel::{Malformed, Slug, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::VariantArray as _;

use crate::error::Error;

/// The name of a role: a built-in one, or one of the organisation's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RoleName {
    /// A built-in role.
    #[schemars(with = "Slug")]
    BuiltIn(Role),
    /// A role of the organisation's own.
    Own(Slug),
}

impl RoleName {
    /// Reads the name of a role; whether an own role of that name exists is not known here.
    ///
    /// # Errors
    /// `Malformed` when no role can have that name.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        Role::parse(text).map(Self::BuiltIn).or_else(|_| {
            Slug::parse(text).map(Self::Own).map_err(|_| {
                Malformed::new("role", "must be a built-in role or 1 to 64 lower-case letters, digits and hyphens")
            })
        })
    }

    /// The name of a role that an organisation makes.
    ///
    /// # Errors
    /// `Malformed` when it is no slug, or a built-in role has it.
    pub fn own(text: &str) -> Result<Slug, Malformed> {
        match Self::parse(text) {
            Ok(Self::Own(name)) => Ok(name),
            Ok(Self::BuiltIn(_)) => Err(Malformed::new("role", "must not have the name of a built-in role")),
            Err(_) => Err(Malformed::new("role", "must have 1 to 64 lower-case letters, digits and hyphens")),
        }
    }

    /// The name as it is stored: "owner".
    #[must_use]
    pub fn as_text(&self) -> String {
        match self {
            Self::BuiltIn(role) => role.to_string(),
            Self::Own(name) => name.as_str().to_owned(),
        }
    }
}

/// A role with what it allows. This is also the resource that HTTP answers with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoleView {
    /// Its name, unique in the organisation.
    pub name: RoleName,
    /// Whether it is built in, and so cannot be changed.
    pub built_in: bool,
    /// What it allows, each as `resource:action`.
    #[schemars(with = "Vec<String>")]
    pub permissions: Vec<String>,
    /// Rises by one with every change; 0 for a built-in role.
    pub version: i64,
}

/// A role of an organisation's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnRole {
    /// Its name, unique in the organisation.
    pub name: Slug,
    /// What it allows.
    pub permissions: Permissions,
    /// Rises by one with every change.
    pub version: i64,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl OwnRole {
    /// A new role.
    #[must_use]
    pub fn create(name: Slug, permissions: Permissions, now: Timestamp) -> Self {
        Self { name, permissions, version: 1, updated_at: now }
    }

    /// The role in its next version, with these permissions.
    #[must_use]
    pub fn changed(&self, permissions: Permissions, now: Timestamp) -> Self {
        Self { name: self.name.clone(), permissions, version: self.version + 1, updated_at: now }
    }

    /// The resource.
    #[must_use]
    pub fn view(&self) -> RoleView {
        RoleView {
            name: RoleName::Own(self.name.clone()),
            built_in: false,
            permissions: words(self.permissions),
            version: self.version,
        }
    }
}

/// The built-in roles, as resources.
pub fn built_in() -> impl Iterator<Item = RoleView> {
    Role::VARIANTS.iter().map(|role| RoleView {
        name: RoleName::BuiltIn(*role),
        built_in: true,
        permissions: words(role.permissions()),
        version: 0,
    })
}

/// Each permission as a word.
#[must_use]
pub fn words(permissions: Permissions) -> Vec<String> {
    permissions.iter().map(|permission| permission.to_string()).collect()
}

/// What roles that somebody asks for allow together, given the organisation's own roles.
///
/// # Errors
/// `NoSuchRole` when a name is neither built in nor among the own roles.
pub fn allowed(names: &[RoleName], own: &[OwnRole]) -> Result<Permissions, Error> {
    let is_gone = |name: &&RoleName| matches!(name, RoleName::Own(name) if own.iter().all(|role| role.name != *name));
    match names.iter().find(is_gone) {
        Some(RoleName::Own(role)) => Err(Error::NoSuchRole { role: role.clone() }),
        _ => Ok(stored(names, own)),
    }
}

/// What stored roles allow together, given the organisation's own roles. A role that is gone allows nothing.
#[must_use]
pub fn stored(names: &[RoleName], own: &[OwnRole]) -> Permissions {
    let of_own = own.iter().filter(|role| names.contains(&RoleName::Own(role.name.clone())));
    united(names, of_own.fold(Permissions::NONE, |all, role| all.union(role.permissions)))
}

/// What these roles allow together, given what the own ones among them allow.
#[must_use]
pub fn united(names: &[RoleName], own: Permissions) -> Permissions {
    names.iter().fold(own, |all, role| match role {
        RoleName::BuiltIn(role) => all.union(role.permissions()),
        RoleName::Own(_) => all,
    })
}

/// What stored words allow. A word that this release does not know allows nothing: a newer one wrote it.
#[must_use]
pub fn read_words(words: &[String]) -> Permissions {
    words.iter().filter_map(|word| Permission::parse(word).ok()).collect()
}

/// What somebody may hand out: nothing beyond their own permissions. Owners are made by owners only, which follows, since
/// nobody else may `owner:manage`.
///
/// # Errors
/// `BeyondOwn` with what is too much.
pub fn check_grant(granted: Permissions, own: Permissions) -> Result<(), Error> {
    let beyond = granted.without(own);
    if beyond == Permissions::NONE { Ok(()) } else { Err(Error::BeyondOwn { beyond }) }
}

/// A permission that an own role or an API key can have: any but making owners, which only the built-in owner may.
///
/// # Errors
/// `Malformed` for any other word.
pub fn grantable(text: &str) -> Result<Permission, Malformed> {
    match Permission::parse(text)? {
        Permission::OwnerManage => Err(Malformed::new("permission", "owner:manage belongs to owners only")),
        permission => Ok(permission),
    }
}

/// Whether somebody with these permissions is an owner.
#[must_use]
pub fn is_owner(permissions: Permissions) -> bool {
    permissions.contains(Permission::OwnerManage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_own_role_has_a_name_of_its_own() {
        assert_eq!(RoleName::parse("owner").unwrap(), RoleName::BuiltIn(Role::Owner));
        assert_eq!(RoleName::parse("packers").unwrap().as_text(), "packers");
        assert!(RoleName::own("viewer").is_err() && RoleName::own("Packers!").is_err());
        assert_eq!(serde_json::to_string(&RoleName::BuiltIn(Role::CatalogManager)).unwrap(), "\"catalog-manager\"");
    }

    #[test]
    fn roles_allow_together_what_each_allows() {
        let now = kernel::Clock::now();
        let packers =
            OwnRole::create(Slug::parse("packers").unwrap(), [Permission::StockAdjust].into_iter().collect(), now);
        let names = [RoleName::parse("packers").unwrap(), RoleName::BuiltIn(Role::Viewer)];
        let all = allowed(&names, std::slice::from_ref(&packers)).unwrap();
        assert_eq!(all, Role::Viewer.permissions().union(packers.permissions));
        assert!(matches!(allowed(&names, &[]), Err(Error::NoSuchRole { .. })));
    }

    #[test]
    fn nobody_hands_out_more_than_they_have() {
        let (admin, owner) = (Role::Admin.permissions(), Role::Owner.permissions());
        assert!(check_grant(admin, owner).is_ok() && check_grant(admin, admin).is_ok());
        assert!(matches!(check_grant(owner, admin), Err(Error::BeyondOwn { .. })));
    }
}
