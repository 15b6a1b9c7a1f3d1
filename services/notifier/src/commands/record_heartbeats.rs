//! Writes down, once a day for whoever asked for it, what happened the day before.
//! The rule: it is a delivery like any other, of an event that follows from the day, so no replica writes a second one.

use access::Permission;
use kernel::{Clock, TimeZone};
use mediator::{Command, Platform, Tx};
use uuid::Uuid;

use crate::domain::{Chat, Circumstances, ClockTime, Fact, Heartbeat, NewDelivery};
use crate::error::Error;
use crate::store::{deliveries, destinations};

/// Writes the heartbeats for which it is time. The reply is whether there were any.
#[derive(Debug, Clone)]
pub struct RecordHeartbeats {
    /// The chat of the configuration.
    pub configured: Chat,
    /// When that chat is told, by the clocks of this zone; none: never.
    pub configured_at: Option<(ClockTime, TimeZone)>,
}

impl Command for RecordHeartbeats {
    const NAME: &'static str = "notifier.record-heartbeats";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = bool;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<bool, Error> {
        let now = Clock::now();
        let mut due = Vec::new();
        for (organisation, destination, at, zone) in destinations::with_heartbeat(tx).await? {
            due.extend(Heartbeat::due(organisation, Some(destination), &at, &zone, now));
        }
        if let Some((at, zone)) = &self.configured_at {
            for organisation in destinations::without(tx).await? {
                due.extend(Heartbeat::due(organisation, None, at, zone, now));
            }
        }
        let due = deliveries::unwritten(tx, &self.configured, due).await?;
        for one in &due {
            let counts = deliveries::counts(tx, one).await?;
            let heartbeat = NewDelivery {
                organisation: one.organisation,
                event: one.event,
                fact: Fact::Heartbeat { day: one.day, counts },
                circumstances: Circumstances::default(),
                occurred_at: now,
                correlation: Uuid::now_v7(),
                traceparent: None,
            };
            deliveries::insert(tx, Some(&self.configured), &[(one.destination, &heartbeat)]).await?;
        }
        Ok(!due.is_empty())
    }
}
