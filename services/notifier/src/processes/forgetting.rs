//! Forgets orders of which nothing was said for long.
//! The rule: any number of replicas may do it at once, and none holds up anything else.

use std::time::Duration;

use mediator::{Mediator, Scope};
use service::{Part, Stage};

use crate::commands::ForgetOrders;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(600);

/// The part that forgets orders `keep_days` after their last event.
#[must_use]
pub fn forgetting(mediator: Mediator, keep_days: i32) -> Part {
    Part::restarted(Stage::Consuming, "forgetting", move |stop| {
        let mediator = mediator.clone();
        async move {
            let scope = Scope::platform_system("forgetting");
            while !stop.is_cancelled() {
                let more = mediator.send(&scope, ForgetOrders { keep_days }).await.unwrap_or_else(|error| {
                    tracing::warn!(%error, "old orders could not be forgotten; it is tried again later");
                    false
                });
                let pause = if more { Duration::ZERO } else { EVERY };
                let _stopped = stop.run_until_cancelled(tokio::time::sleep(pause)).await;
            }
            Ok(())
        }
    })
}
