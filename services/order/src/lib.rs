#![doc = include_str!("../README.md")]

pub mod commands;
pub mod config;
pub mod domain;
pub mod error;
pub mod events;
pub mod http;
pub mod queries;
pub mod rebuild;
pub mod schema;
pub mod settled;
pub mod store;
pub mod sweep;

/// The service's name: its schema, its consumer group, the source of its events.
pub const NAME: &str = "order";
