//! Parking and freeing a key: commands of the platform, since a key belongs to the consumer and to no organisation.
//! The rule: inside a batch's own transaction the same statements run with the batch; these are for what stands alone.

use access::Permission;
use mediator::{Command, Platform, Tx};
use persistence::{Parked, park_key, unpark_key};

/// Parks a key behind a dead letter.
pub(crate) struct ParkKey {
    pub(crate) consumer: String,
    pub(crate) topic: String,
    pub(crate) key: String,
    /// Why, in words.
    pub(crate) cause: String,
    pub(crate) reach: Parked,
}

impl Command for ParkKey {
    const NAME: &'static str = "consumer.park-key";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = ();
    type Error = persistence::Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<(), persistence::Error> {
        park_key(tx, &self.consumer, &self.topic, &self.key, &self.cause, self.reach).await
    }
}

/// Lets the records of a key through again, unless its dead letters reach beyond an offset.
pub(crate) struct FreeKey {
    pub(crate) consumer: String,
    pub(crate) topic: String,
    pub(crate) key: String,
    pub(crate) until: i64,
}

impl Command for FreeKey {
    const NAME: &'static str = "consumer.free-key";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = ();
    type Error = persistence::Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<(), persistence::Error> {
        unpark_key(tx, &self.consumer, &self.topic, &self.key, self.until).await.map(drop)
    }
}
