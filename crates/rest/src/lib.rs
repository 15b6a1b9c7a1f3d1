#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod api;
mod app;
mod awaited;
mod body;
mod callers;
pub mod documents;
pub mod door;
mod extracted;
mod faults;
mod headers;
mod operation;
mod parameters;
mod price;
mod problem;
mod problem_type;
pub mod problems;
mod replies;
pub mod server;
mod shape;
mod sources;
pub mod trace;
mod upload;

pub use api::{Api, Route, Routes};
pub use app::{App, State};
pub use awaited::Awaited;
pub use body::Body;
pub use callers::{Anyone, Credential, CredentialHeader, Staff, Visitor};
pub use faults::{holds, parses};
pub use headers::{IdempotencyKey, IfMatch, Prefer, not_modified};
pub use operation::{Operation, Stated, Unstated};
pub use parameters::{Path, Query};
pub use price::PriceBody;
pub use problem::{FieldFault, Problem};
pub use problem_type::ProblemType;
pub use replies::{Lines, Ok, Recorded, Serialised, Tagged};
pub use upload::Upload;
