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
mod parts;
mod run;
pub mod settings;
mod spans;
mod stage;
mod structured;
mod telemetry;

pub use boot::{Boot, BootError, Job, JobKind};
pub use definition::Definition;
pub use health::{Health, Report, Waiting};
pub use kernel::Secret;
pub use parts::{Part, Tasks, every};
pub use run::{run, run_from};
pub use stage::Stage;
pub use tokio_util::sync::CancellationToken;
