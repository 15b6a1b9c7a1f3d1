//! What staff does with destinations: creates, changes and deletes them, tries them out, and has failed deliveries sent again.

use access::Permission;
use kernel::{Clock, DestinationId, EventId, Expected};
use mediator::{Command, Tenant, Tx};
use uuid::Uuid;

use crate::domain::{
    Circumstances, Destination, DestinationChange, DestinationState, Fact, LinkCode, NewDelivery, WebhookSecret, Wishes,
};
use crate::error::Error;
use crate::store::{deliveries, destinations};

/// Creates a destination. A chat waits for its code.
#[derive(Debug, Clone)]
pub struct CreateDestination {
    /// The id that it will have.
    pub destination: DestinationId,
    /// What staff says of it.
    pub wishes: Wishes,
    /// The code that links it, where it is a chat.
    pub code: LinkCode,
    /// The secret of its requests, where it is a webhook.
    pub secret: WebhookSecret,
}

impl Command for CreateDestination {
    const NAME: &'static str = "notifier.create-destination";
    const REQUIRES: Permission = Permission::NotificationManage;
    type Tenancy = Tenant;
    type Reply = Destination;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<Destination, Error> {
        let created = Destination::create(self.destination, self.wishes.clone(), Clock::now());
        destinations::insert(tx, &created, &self.code, &self.secret).await?;
        Ok(created)
    }
}

/// Changes a destination that the caller has read in one of the versions `expected`. When its rules change, so does the time at
/// which it is told what is pending.
#[derive(Debug, Clone)]
pub struct ChangeDestination {
    /// The destination.
    pub destination: DestinationId,
    /// The versions that the caller has seen.
    pub expected: Expected,
    /// What is to be different.
    pub change: DestinationChange,
}

impl Command for ChangeDestination {
    const NAME: &'static str = "notifier.change-destination";
    const REQUIRES: Permission = Permission::NotificationManage;
    type Tenancy = Tenant;
    type Reply = Destination;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<Destination, Error> {
        let mut destination = destinations::lock(tx, self.destination).await?;
        let (before, now) = (destination.clone(), Clock::now());
        if destination.change(&self.expected, self.change.clone(), now)? {
            destinations::save(tx, &destination, &before).await?;
        }
        let zone = &destination.manner.time_zone;
        if (&destination.rules, zone) != (&before.rules, &before.manner.time_zone) {
            let due = destination.rules.due(now, zone);
            deliveries::replan(tx, destination.id, due).await?;
        }
        Ok(destination)
    }
}

/// Deletes a destination with what it was not told yet.
#[derive(Debug, Clone)]
pub struct DeleteDestination {
    /// The destination.
    pub destination: DestinationId,
}

impl Command for DeleteDestination {
    const NAME: &'static str = "notifier.delete-destination";
    const REQUIRES: Permission = Permission::NotificationManage;
    type Tenancy = Tenant;
    type Reply = DestinationId;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<DestinationId, Error> {
        let destination = destinations::lock(tx, self.destination).await?;
        destinations::delete(tx, destination.id).await?;
        deliveries::delete_unsent(tx, destination.id).await?;
        Ok(destination.id)
    }
}

/// Sends a test message to a destination, in the way of every other one.
#[derive(Debug, Clone)]
pub struct TestDestination {
    /// The destination.
    pub destination: DestinationId,
}

impl Command for TestDestination {
    const NAME: &'static str = "notifier.test-destination";
    const REQUIRES: Permission = Permission::NotificationManage;
    type Tenancy = Tenant;
    type Reply = Destination;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<Destination, Error> {
        let destination = destinations::lock(tx, self.destination).await?;
        if destination.state == DestinationState::Waiting {
            return Err(Error::NotLinked { destination: destination.id });
        }
        let test = NewDelivery {
            organisation: tx.organisation(),
            event: EventId::new(),
            fact: Fact::Test,
            circumstances: Circumstances::default(),
            occurred_at: Clock::now(),
            correlation: Uuid::now_v7(),
            traceparent: None,
        };
        deliveries::insert(tx, None, &[(Some(destination.id), &test)]).await?;
        Ok(destination)
    }
}

/// Makes the failed deliveries of a destination pending again. The reply is their number.
#[derive(Debug, Clone)]
pub struct ResendFailed {
    /// The destination.
    pub destination: DestinationId,
}

impl Command for ResendFailed {
    const NAME: &'static str = "notifier.resend-failed";
    const REQUIRES: Permission = Permission::NotificationManage;
    type Tenancy = Tenant;
    type Reply = usize;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<usize, Error> {
        let destination = destinations::lock(tx, self.destination).await?;
        deliveries::resend_failed(tx, destination.id).await
    }
}
