#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

/// The allocator of every program that is a service.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod boot;
pub mod config;
mod definition;
mod health;
mod internal;
mod run;
mod secret;
pub mod settings;
mod spans;
mod structured;
pub mod telemetry;

pub use boot::{Boot, BootError, LAST_BATCH, LAST_EVENTS, Stage};
pub use definition::Definition;
pub use health::{Health, Report, Waiting};
pub use run::{run, run_from};
pub use secret::Secret;
