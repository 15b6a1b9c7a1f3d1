//! The caller's own sessions: seen and ended.

use kernel::SessionId;
use rest::{App, Path, Person, Problem, State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    commands::EndSessions,
    credentials::Credentials,
    domain::{AccountId, Meant},
    queries::{ListSessions, SessionView},
};

/// The session that the path names.
#[derive(Deserialize, JsonSchema)]
pub(super) struct SessionPath {
    session: SessionId,
}

/// The caller's sessions.
#[derive(Serialize, JsonSchema)]
pub(super) struct Sessions {
    /// The one that was used last comes first.
    pub(super) items: Vec<SessionView>,
}

/// How many sessions have ended.
#[derive(Serialize, JsonSchema)]
pub(super) struct Ended {
    /// Their number.
    ended: usize,
}

impl Ended {
    pub(super) fn of(ended: usize) -> rest::Ok<Self> {
        rest::Ok(Self { ended })
    }
}

fn own(by: &Person) -> AccountId {
    AccountId::Person(by.user())
}

pub(super) async fn list(
    app: App,
    by: Person,
    State(credentials): State<Credentials>,
) -> Result<rest::Ok<Sessions>, Problem> {
    let asked = ListSessions { account: own(&by), current: by.session(), idle: credentials.life.idle };
    Ok(rest::Ok(Sessions { items: app.ask(&by, asked).await? }))
}

pub(super) async fn end(app: App, by: Person, Path(at): Path<SessionPath>) -> Result<rest::Ok<Ended>, Problem> {
    Ok(Ended::of(app.send(&by, EndSessions { account: own(&by), meant: Meant::One(at.session) }).await?))
}

pub(super) async fn end_all(app: App, by: Person) -> Result<rest::Ok<Ended>, Problem> {
    Ok(Ended::of(app.send(&by, EndSessions { account: own(&by), meant: Meant::All }).await?))
}

pub(super) async fn log_out(app: App, by: Person) -> Result<rest::Ok<Ended>, Problem> {
    Ok(Ended::of(app.send(&by, EndSessions { account: own(&by), meant: Meant::One(by.session()) }).await?))
}
