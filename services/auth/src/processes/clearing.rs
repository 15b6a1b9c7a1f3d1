//! Clears sessions away that are long over. Any number of replicas may do it at once: each takes what no other has locked.

use std::time::Duration;

use mediator::{Mediator, Scope};
use service::{Part, Stage, every};

use crate::{NAME, commands::ClearSessions, credentials::TOKEN_LIFE, domain::SessionLife};

/// The longest that verifiers and their clocks lag behind.
const MARGIN: Duration = Duration::from_secs(60);

/// Looks every `interval` for sessions to clear away.
pub fn part(mediator: Mediator, life: SessionLife, interval: Duration) -> Part {
    Part::restarted(Stage::Consuming, "clearing sessions", move |stop| {
        let mediator = mediator.clone();
        every(interval, stop, move || clear(mediator.clone(), life))
    })
}

/// Clears once; whether there may be more.
async fn clear(mediator: Mediator, life: SessionLife) -> bool {
    let clear = ClearSessions { kept: TOKEN_LIFE + MARGIN, idle: life.idle };
    match mediator.send(&Scope::platform_system(NAME), clear).await {
        Ok(removed) => ClearSessions::leaves_more(removed),
        Err(error) => {
            tracing::warn!(%error, "old sessions could not be cleared away; trying again later");
            false
        }
    }
}
