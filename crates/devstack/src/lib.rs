#![doc = include_str!("../README.md")]

mod bootstrap;
pub mod bot_api;
mod cluster;
mod error;
pub mod ports;
mod postgres_url;
mod private_files;
pub mod process;
mod runs;
mod servers;
pub mod services;
mod shared;

pub use bootstrap::{DatabaseRole, Passwords, bootstrap, connect, ensure_database};
pub use cluster::Cluster;
pub use error::Error;
pub use postgres_url::PostgresUrl;
pub use private_files::{random_secret, read_pairs, write_pairs};
pub use runs::{forget_this_run, temporary_folder};
pub use servers::{Kafka, Place, Postgres, Redis, Server, may_hold_postgres, postgres_programs, program_faults};
pub use shared::{OwnCluster, VARIABLES, lock, shared_cluster};
