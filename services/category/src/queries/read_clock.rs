//! The database's clock, for everything that is later compared with it.

use access::Permission;
use diesel_async::RunQueryDsl;
use kernel::Timestamp;
use mediator::{Platform, Query};
use persistence::ReadConn;

use crate::error::Error;

/// Asks for the time by the database's clock.
#[derive(Debug, Clone, Copy)]
pub struct ReadClock;

impl Query for ReadClock {
    const NAME: &'static str = "category.read-clock";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = Timestamp;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_, Platform>) -> Result<Timestamp, Error> {
        Ok(diesel::select(clock_timestamp()).get_result(read.connection()).await?)
    }
}

diesel::define_sql_function! {
    /// The time now, also in the middle of a statement.
    fn clock_timestamp() -> Timestamptz;
}
