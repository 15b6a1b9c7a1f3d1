#![doc = include_str!("../README.md")]

mod client;
pub mod documents;
mod eventually;
mod fixture;
mod program;
mod records;
mod running;
mod scene;
pub mod secrets;
mod table_hash;
mod tokens;
mod walls;

pub use client::{Caller, Client, EventStream, Reply, StreamedEvent, problem_fields};
pub use eventually::{Outcome, eventually};
pub use program::Program;
pub use records::{publish, read_topic};
pub use running::{Running, Topics, Working};
pub use scene::{Builder, Scene, assert_every_way_back};
pub use table_hash::{TableHash, table_hashes};
pub use tokens::{Mint, someone};
pub use walls::seen_by_batches;

/// Stops the test with what was being done and why it did not work: set-up has no caller who could repair it.
#[track_caller]
pub fn must<T, E: std::fmt::Display>(outcome: Result<T, E>, doing: &str) -> T {
    match outcome {
        Ok(value) => value,
        Err(error) => panic!("test set-up: {doing}: {error}"),
    }
}
