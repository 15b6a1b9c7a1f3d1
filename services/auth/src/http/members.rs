//! The members of the organisation, for those who may manage them.

use kernel::{Malformed, MembershipId};
use rest::{App, Body, IfMatch, Path, Problem, Staff, Tagged, parses, problems};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    commands::{ChangeMember, RemoveMember},
    domain::{Authority, Member, RoleName},
    error::Error,
    queries::{FindChangedMember, ListMembers},
};

/// The member that the path names.
#[derive(Deserialize, JsonSchema)]
pub(super) struct MemberPath {
    member: MembershipId,
}

/// The members of the organisation.
#[derive(Serialize, JsonSchema)]
pub(super) struct Members {
    /// By name.
    items: Vec<Member>,
}

/// The roles that a member shall have.
#[derive(Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeMemberBody {
    /// One to eight names of roles.
    #[garde(length(min = 1, max = 8), inner(custom(parses(RoleName::parse))))]
    #[schemars(length(min = 1, max = 8), with = "Vec<kernel::Slug>")]
    roles: Vec<String>,
}

/// The member who was removed.
#[derive(Serialize, JsonSchema)]
pub(super) struct Removed {
    /// The membership that has ended.
    member: MembershipId,
}

/// On whose behalf something is changed here.
pub(super) fn authority(by: &Staff) -> Result<Authority, Problem> {
    let nobody = || Problem::new(problems::FORBIDDEN).detail("This path is for the staff of an organisation.");
    Authority::of(&by.caller).ok_or_else(nobody)
}

/// The names of roles in a body.
pub(super) fn names(roles: &[String]) -> Result<Vec<RoleName>, Malformed> {
    let mut names = Vec::with_capacity(roles.len());
    for name in roles {
        let name = RoleName::parse(name)?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

pub(super) async fn list(app: App, by: Staff) -> Result<rest::Ok<Members>, Problem> {
    Ok(rest::Ok(Members { items: app.ask(&by, ListMembers::default()).await? }))
}

pub(super) async fn find(app: App, by: Staff, Path(at): Path<MemberPath>) -> Result<Tagged<rest::Ok<Member>>, Problem> {
    let member = app.ask(&by, ListMembers { membership: Some(at.member) }).await?.pop();
    let member = member.ok_or(Error::UnknownMember { membership: at.member })?;
    Ok(Tagged::version(member.version, rest::Ok(member)))
}

pub(super) async fn change(
    app: App,
    by: Staff,
    Path(at): Path<MemberPath>,
    expected: IfMatch,
    Body(body): Body<ChangeMemberBody>,
) -> Result<Tagged<rest::Ok<Member>>, Problem> {
    let (roles, authority) = (names(&body.roles)?, authority(&by)?);
    let change = ChangeMember { membership: at.member, expected: expected.versions(), roles, by: authority };
    app.send(&by, change).await?;
    let member = app.ask(&by, FindChangedMember { membership: at.member }).await?;
    Ok(Tagged::version(member.version, rest::Ok(member)))
}

pub(super) async fn remove(app: App, by: Staff, Path(at): Path<MemberPath>) -> Result<rest::Ok<Removed>, Problem> {
    app.send(&by, RemoveMember { membership: at.member, by: authority(&by)? }).await?;
    Ok(rest::Ok(Removed { member: at.member }))
}
