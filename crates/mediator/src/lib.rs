#![doc = include_str!("../README.md")]

mod classified;
mod command;
mod group;
mod pipeline;
mod recorded;
mod scope;
mod telemetry;

pub use classified::{Class, Classified};
pub use command::{Command, Query};
pub use group::{Grouped, Member, Results, group_of_one};
pub use pipeline::{Mediator, SendError, execute_in};
pub use recorded::{IdempotencyKey, Once, Recorded};
pub use scope::Scope;
pub use telemetry::{continue_from, remote_span, trace_id_of, traceparent_of};

/// What commands and queries are handed.
pub use persistence::{Platform, Provenance, ReadConn, Tenancy, Tenant, Tenants, Tx};
