#![doc = include_str!("../README.md")]

mod connect;
mod database;
mod error;
mod inbox;
mod limited;
mod migrations;
mod observers;
mod outbox;
mod outbox_session;
mod paging;
mod parked;
mod pool;
mod replays;
mod retention;
mod statement;
mod tenancy;
mod transaction;

pub use connect::check_url;
pub use database::{Database, Settings};
pub use error::{Class, Error};
pub use inbox::claim_events;
pub use limited::{Limited, limited};
pub use migrations::{MigrationError, migrate, reachable, required, revert};
pub use observers::{Committed, Observers};
pub use outbox_session::{OutboxDepth, OutboxListener, OutboxSession, PENDING, PendingEvent, outbox_depth};
pub use paging::List;
pub use parked::{Parked, park_key, parked_among, unpark_key};
pub use replays::{RecordedReply, ReplayKey};
pub use retention::{Pruned, prune};
pub use statement::{Statement, statement};
pub use tenancy::{Platform, Tenancy, Tenant, Tenants};
pub use transaction::{Provenance, ReadConn, ReadTransaction, Transaction, Tx, find_reply};

/// What Diesel reports; a service's error is made from it through [`Error`].
pub use diesel::result::Error as DieselError;

/// The connection that commands, queries and sweeps hand to Diesel.
pub use diesel_async::AsyncPgConnection;

/// The migrations of a service, embedded in its program.
pub use diesel_migrations::EmbeddedMigrations;
