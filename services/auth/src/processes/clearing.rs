//! Clears away what is long over: ended sessions, and API keys that no gateway need know any more. Any number of replicas
//! may do it at once: each takes what no other has locked.

use std::time::Duration;

use mediator::{Mediator, Scope};
use service::{Part, Stage, every};

use crate::{
    NAME,
    commands::{ClearSessions, WithdrawApiKeys},
    credentials::TOKENS_OUTLIVE,
    domain::SessionLife,
};

/// Looks every `interval` for what to clear away.
pub fn part(mediator: Mediator, life: SessionLife, interval: Duration) -> Part {
    Part::restarted(Stage::Consuming, "clearing away", move |stop| {
        let mediator = mediator.clone();
        every(interval, stop, move || clear(mediator.clone(), life))
    })
}

/// Clears once; whether there may be more.
async fn clear(mediator: Mediator, life: SessionLife) -> bool {
    let system = Scope::platform_system(NAME);
    let sessions = ClearSessions { kept: TOKENS_OUTLIVE, idle: life.idle };
    let sessions = mediator.send(&system, sessions).await.map(ClearSessions::leaves_more);
    let keys = mediator.send(&system, WithdrawApiKeys { kept: TOKENS_OUTLIVE }).await.map(WithdrawApiKeys::leaves_more);
    [sessions, keys].into_iter().fold(false, |more, cleared| match cleared {
        Ok(leaves_more) => more || leaves_more,
        Err(error) => {
            tracing::warn!(%error, "what is over could not be cleared away; trying again later");
            more
        }
    })
}
