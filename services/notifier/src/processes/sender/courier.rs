//! Sends what goes to mailboxes and webhooks: to many of them at once, so that one that hangs keeps nobody else waiting.
//! The rule: it is a part of its own. Whatever other people's servers do, the chats are told in time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use mediator::{Mediator, Scope, SendError};
use service::{CancellationToken, Part, Stage};

use super::{LEASE, Obstacles, POLL, Round, Sender, Wake, Ways};
use crate::config::Settings;
use crate::domain::Target;
use crate::error::Error;
use crate::queries::ListTargets;

/// The most messages that are on their way at once.
const AT_ONCE: usize = 16;
/// The most of one organisation: its servers may all be slow, and the others are told all the same.
const OF_ONE_ORGANISATION: usize = 4;
/// The longest for which a target that has to wait is not looked at: another replica may have learned that it need not.
const LONGEST_LOOK_AWAY: Duration = Duration::from_secs(5);

/// The part that sends to mailboxes and webhooks.
#[must_use]
pub fn courier(mediator: Mediator, settings: Settings, ways: Ways, wake: Wake, obstacles: Obstacles) -> Part {
    let work = move |stop| {
        let (mediator, settings) = (mediator.clone(), settings.clone());
        let (ways, wake, obstacles) = (ways.clone(), wake.clone(), obstacles.clone());
        async move {
            let scope = Scope::platform_system("courier");
            Sender { mediator, scope, ways, settings, wake, obstacles }.carry(stop).await;
            Ok(())
        }
    };
    Part::restarted(Stage::Publishing, "courier", work).within(LEASE)
}

impl Sender {
    /// Sends until it is told to stop; the messages in hand are finished.
    async fn carry(&self, stop: CancellationToken) {
        let (mut in_hand, mut busy) = (FuturesUnordered::new(), BTreeSet::new());
        let mut later: BTreeMap<Target, Instant> = BTreeMap::new();
        while !stop.is_cancelled() {
            let now = Instant::now();
            later.retain(|_, until| *until > now);
            let listing = self.targets();
            tokio::pin!(listing);
            // What is in hand goes on while the database is asked: a lease runs.
            let targets = loop {
                tokio::select! {
                    targets = &mut listing => break targets,
                    Some((target, round)) = in_hand.next() => ended(target, round, &mut busy, &mut later),
                }
            };
            for target in targets {
                let of_its_organisation =
                    busy.iter().filter(|other| other.organisation() == target.organisation()).count();
                let has_place = busy.len() < AT_ONCE && of_its_organisation < OF_ONE_ORGANISATION;
                if has_place && !later.contains_key(&target) && busy.insert(target) {
                    in_hand.push(async move { (target, self.send_next(target).await) });
                }
            }
            tokio::select! {
                Some((target, round)) = in_hand.next() => ended(target, round, &mut busy, &mut later),
                () = tokio::time::sleep(POLL) => {}
                () = self.wake.signalled_outside(), if busy.len() < AT_ONCE => {}
                () = stop.cancelled() => {}
            }
        }
        while in_hand.next().await.is_some() {}
    }

    async fn targets(&self) -> Vec<Target> {
        // Mail of which this replica has no server to give it to is left to those that have one.
        let wanted = ListTargets { outside: true, mail: self.ways.have_mail() };
        self.mediator.ask(&self.scope, wanted).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "what is for mailboxes and webhooks cannot be looked for; it is tried again");
            Vec::new()
        })
    }
}

/// Notes that an attempt is over, and when its target is looked at again.
fn ended(
    target: Target,
    round: Result<Round, SendError<Error>>,
    busy: &mut BTreeSet<Target>,
    later: &mut BTreeMap<Target, Instant>,
) {
    busy.remove(&target);
    if let Some(pause) = pause(target, round) {
        later.insert(target, Instant::now() + pause.min(LONGEST_LOOK_AWAY));
    }
}

/// For how long a target is left alone after this; none where there may be more for it now.
fn pause(target: Target, round: Result<Round, SendError<Error>>) -> Option<Duration> {
    match round {
        Ok(Round::Again | Round::Idle) => None,
        Ok(Round::Wait(pause)) => Some(pause),
        Err(error) => {
            tracing::warn!(%error, ?target, "what is for a target cannot be claimed; it is tried again, after the others");
            Some(Duration::from_secs(1))
        }
    }
}
