//! Roles: the built-in ones are seen, the organisation's own are made, changed and removed.

use access::{Permission, Permissions};
use kernel::{Malformed, Slug};
use rest::{App, Body, IdempotencyKey, IfMatch, Path, Problem, Recorded, Staff, Tagged, parses};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::members::authority;
use crate::{
    commands::{ChangeRole, CreateRole, DeleteRole},
    domain::{RoleName, RoleView, role::grantable},
    error::Error,
    queries::ListRoles,
};

/// The role that the path names.
#[derive(Deserialize, JsonSchema)]
pub(super) struct RolePath {
    role: Slug,
}

/// A role to make.
#[derive(Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateRoleBody {
    /// 1 to 64 lower-case letters, digits and hyphens; no built-in role's name.
    #[garde(custom(parses(RoleName::own)))]
    #[schemars(with = "Slug")]
    name: String,
    /// What it allows, each as `resource:action`.
    #[garde(length(min = 1, max = 64), inner(custom(parses(grantable))))]
    #[schemars(length(min = 1, max = 64), with = "Vec<Permission>")]
    permissions: Vec<String>,
}

/// What a role shall allow.
#[derive(Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeRoleBody {
    /// What it allows from now on, each as `resource:action`.
    #[garde(length(min = 1, max = 64), inner(custom(parses(grantable))))]
    #[schemars(length(min = 1, max = 64), with = "Vec<Permission>")]
    permissions: Vec<String>,
}

/// The roles that people of the organisation can have.
#[derive(Serialize, JsonSchema)]
pub(super) struct Roles {
    /// The built-in ones first.
    items: Vec<RoleView>,
}

/// The role that was removed.
#[derive(Serialize, JsonSchema)]
pub(super) struct Removed {
    /// The name that it had, which is free again.
    role: Slug,
}

/// The permissions in a body.
pub(super) fn permissions(words: &[String]) -> Result<Permissions, Malformed> {
    words.iter().map(|word| grantable(word)).collect()
}

pub(super) async fn list(app: App, by: Staff) -> Result<rest::Ok<Roles>, Problem> {
    Ok(rest::Ok(Roles { items: app.ask(&by, ListRoles).await? }))
}

pub(super) async fn find(app: App, by: Staff, Path(at): Path<RolePath>) -> Result<Tagged<rest::Ok<RoleView>>, Problem> {
    let name = RoleName::parse(at.role.as_str())?;
    let role = app.ask(&by, ListRoles).await?.into_iter().find(|role| role.name == name);
    let role = role.ok_or(Error::UnknownRole { role: at.role })?;
    Ok(Tagged::version(role.version, rest::Ok(role)))
}

pub(super) async fn create(
    app: App,
    by: Staff,
    key: IdempotencyKey,
    Body(body): Body<CreateRoleBody>,
) -> Result<Recorded<RoleView>, Problem> {
    let (name, permissions) = (RoleName::own(&body.name)?, permissions(&body.permissions)?);
    let location = format!("/admin/v1/roles/{name}");
    let command = CreateRole { name, permissions, by: authority(&by)? };
    app.create(&by, &key, &body, command, |_| location).await
}

pub(super) async fn change(
    app: App,
    by: Staff,
    Path(at): Path<RolePath>,
    expected: IfMatch,
    Body(body): Body<ChangeRoleBody>,
) -> Result<Tagged<rest::Ok<RoleView>>, Problem> {
    let (permissions, authority) = (permissions(&body.permissions)?, authority(&by)?);
    let change = ChangeRole { name: at.role, expected: expected.versions(), permissions, by: authority };
    let role = app.send(&by, change).await?;
    Ok(Tagged::version(role.version, rest::Ok(role)))
}

pub(super) async fn remove(app: App, by: Staff, Path(at): Path<RolePath>) -> Result<rest::Ok<Removed>, Problem> {
    app.send(&by, DeleteRole { name: at.role.clone(), by: authority(&by)? }).await?;
    Ok(rest::Ok(Removed { role: at.role }))
}
