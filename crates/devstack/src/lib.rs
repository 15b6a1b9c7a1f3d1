#![doc = include_str!("../README.md")]

mod bootstrap;
pub mod bot_api;
mod cluster;
mod error;
pub mod ports;
mod postgres_url;
pub mod process;
mod runs;
mod servers;
pub mod services;
mod shared;

pub use bootstrap::{
    DatabaseRole, Passwords, SERVICES, bootstrap, ensure_database, random_secret, read_pairs, write_private,
};
pub use cluster::Cluster;
pub use error::Error;
pub use postgres_url::PostgresUrl;
pub use servers::{Kafka, Place, Postgres, Redis, Server, may_hold_postgres};
pub use shared::{OwnCluster, VARIABLES, shared_cluster};

/// A new folder for throw-away processes of this process: whatever has a pid file in it ends with this process, however
/// that ends, and the folder goes too.
///
/// # Errors
/// When the folder cannot be made.
pub fn temporary_folder(name: &str) -> Result<std::path::PathBuf, Error> {
    runs::folder_for(name)
}

/// Removes the folder of this process's throw-away servers, when all of them have been dropped.
pub fn forget_this_run() {
    runs::remove_own();
}
