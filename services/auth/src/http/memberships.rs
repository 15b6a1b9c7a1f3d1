//! The organisations that the caller works for.

use kernel::{OrganisationId, Slug};
use rest::{App, Person, Problem};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    commands::LeaveOrganisation,
    domain::{Name, RoleName, Seat, role::words},
    queries::FindOwnAccount,
};

/// The organisations that the caller works for.
#[derive(Serialize, JsonSchema)]
pub(super) struct Memberships {
    /// By slug.
    items: Vec<MembershipView>,
}

/// An organisation that the caller works for.
#[derive(Serialize, JsonSchema)]
pub(super) struct MembershipView {
    /// The organisation.
    organisation: OrganisationId,
    /// Its name in addresses, which logging in and switching take.
    slug: Slug,
    /// Its name for people.
    name: Name,
    /// The caller's roles in it.
    roles: Vec<RoleName>,
    /// What the roles allow, each as `resource:action`.
    permissions: Vec<String>,
    /// Whether it is in use; in a suspended one nothing can be done.
    active: bool,
    /// Whether the access token is for this one.
    current: bool,
}

/// The organisation that the caller has left.
#[derive(Serialize, JsonSchema)]
pub(super) struct Left {
    /// The organisation.
    organisation: OrganisationId,
}

pub(super) async fn list(app: App, by: Person) -> Result<rest::Ok<Memberships>, Problem> {
    let account = app.ask(&by, FindOwnAccount { user: by.user() }).await?;
    let current = by.organisation().ok();
    let view = |seat| MembershipView::of(seat, current);
    Ok(rest::Ok(Memberships { items: account.seats.into_iter().map(view).collect() }))
}

pub(super) async fn leave(app: App, by: Person) -> Result<rest::Ok<Left>, Problem> {
    let organisation = by.organisation()?;
    app.send(&by.within(organisation), LeaveOrganisation { user: by.user() }).await?;
    Ok(rest::Ok(Left { organisation }))
}

impl MembershipView {
    fn of(seat: Seat, current: Option<OrganisationId>) -> Self {
        Self {
            organisation: seat.organisation,
            slug: seat.slug,
            name: seat.name,
            roles: seat.roles,
            permissions: words(seat.permissions),
            active: seat.active,
            current: Some(seat.organisation) == current,
        }
    }
}
