//! Locations for staff.

use kernel::{Malformed, Slug};
use rest::{App, Body, IdempotencyKey, IfMatch, Path, Problem, Recorded, Staff, Tagged, holds, parses};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::commands::manage_locations::{ChangeLocation, CreateLocation};
use crate::domain::location::{Location, LocationChange};
use crate::domain::wording::Title;
use crate::queries::list_locations::ListLocations;

/// A location.
#[derive(Deserialize, JsonSchema)]
pub(super) struct LocationPath {
    /// Its code.
    location: Slug,
}

/// A location to create.
#[derive(Debug, Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateLocationBody {
    /// Its name in requests, which never changes; `default` is the location that there always is.
    #[garde(custom(parses(Slug::parse)), custom(holds(self.code())))]
    #[schemars(with = "Slug")]
    code: String,
    /// 1 to 200 characters.
    #[garde(custom(parses(Title::parse)))]
    #[schemars(with = "Title")]
    name: String,
    /// The lowest serves first; the default location has 0.
    #[garde(range(min = -1_000, max = 1_000))]
    priority: i32,
}

/// What is to be different about a location.
#[derive(Debug, Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeLocationBody {
    /// 1 to 200 characters.
    #[garde(inner(custom(parses(Title::parse))))]
    #[schemars(with = "Option<Title>")]
    name: Option<String>,
    /// The lowest serves first.
    #[garde(range(min = -1_000, max = 1_000))]
    priority: Option<i32>,
    /// Whether orders are served from it.
    #[garde(skip)]
    active: Option<bool>,
}

/// All locations of an organisation but the default one.
#[derive(Serialize, JsonSchema)]
pub(super) struct Locations {
    /// Those that serve first in front.
    items: Vec<Location>,
}

pub(super) async fn create(
    app: App,
    by: Staff,
    key: IdempotencyKey,
    Body(body): Body<CreateLocationBody>,
) -> Result<Recorded<Location>, Problem> {
    let command = CreateLocation { code: body.code()?, name: Title::parse(&body.name)?, priority: body.priority };
    app.create(&by, &key, &body, command, |_| "/admin/v1/locations".to_owned()).await
}

pub(super) async fn list(app: App, by: Staff) -> Result<rest::Ok<Locations>, Problem> {
    Ok(rest::Ok(Locations { items: app.ask(&by, ListLocations).await? }))
}

pub(super) async fn change(
    app: App,
    by: Staff,
    Path(at): Path<LocationPath>,
    expected: IfMatch,
    Body(body): Body<ChangeLocationBody>,
) -> Result<Tagged<rest::Ok<Location>>, Problem> {
    let name = body.name.as_deref().map(Title::parse).transpose()?;
    let change = LocationChange { name, priority: body.priority, active: body.active };
    let changed = app.send(&by, ChangeLocation { code: at.location, expected: expected.versions(), change }).await?;
    Ok(Tagged::version(changed.version, rest::Ok(changed)))
}

impl CreateLocationBody {
    fn code(&self) -> Result<Slug, Malformed> {
        if self.code == Location::DEFAULT {
            return Err(Malformed::new("code", "must not be `default`, which is the location that there always is"));
        }
        Slug::parse(&self.code)
    }
}
