#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod assembly;
mod identities;
mod surroundings;

pub use assembly::{Assembly, Kit, Started};
pub use identities::{identities, standings};
pub use surroundings::{Callers, Surroundings};
