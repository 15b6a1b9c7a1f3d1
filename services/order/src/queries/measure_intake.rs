//! How many orders wait to be placed, whoever they belong to, and since when.

use access::Permission;
use diesel::{
    QueryableByName,
    sql_types::{BigInt, Double},
};
use diesel_async::RunQueryDsl;
use mediator::{Platform, Query};
use persistence::{ReadConn, statement};

use crate::error::Error;

/// Asks how much waits.
#[derive(Debug, Clone, Copy)]
pub struct MeasureIntake;

/// What waits to be placed.
#[derive(Debug, Clone, Copy, QueryableByName)]
pub struct Queue {
    /// How many orders.
    #[diesel(sql_type = BigInt)]
    pub waiting: i64,
    /// For how long the oldest of them has waited, in seconds; 0 without any.
    #[diesel(sql_type = Double)]
    pub oldest_seconds: f64,
}

impl Query for MeasureIntake {
    const NAME: &'static str = "order.measure-intake";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = Queue;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_, Platform>) -> Result<Queue, Error> {
        let measured = statement(
            "select count(*) as waiting,
                    coalesce(extract(epoch from now() - min(queued_at)), 0)::double precision as oldest_seconds
             from order_intake where status = 'queued'",
        );
        Ok(measured.get_result(read.connection()).await?)
    }
}
