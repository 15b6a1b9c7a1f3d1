#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod flights;
pub mod limits;
mod reads;
mod redis;

pub use crate::reads::{Cache, Key, Loaded};
pub use crate::redis::{Error, Redis};
