#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod api;
mod app;
mod awaited;
mod body;
mod callers;
mod connection;
pub mod documents;
pub mod door;
mod extracted;
mod faults;
mod headers;
mod if_match;
mod operation;
mod origin;
mod parameters;
mod price;
mod problem;
mod problem_page;
mod problem_type;
pub mod problems;
pub mod refused;
mod replies;
pub mod server;
mod shape;
mod sources;
pub mod trace;
mod unread;
mod upload;

pub use api::{Api, Route, Routes};
pub use app::{App, State};
pub use awaited::Awaited;
pub use body::{Body, present};
pub use callers::{Anyone, Buyer, Credential, CredentialHeader, Customer, Operator, Person, Staff, Visitor};
pub use faults::{holds, parses};
pub use headers::{IdempotencyKey, Prefer, not_modified};
pub use if_match::IfMatch;
pub use operation::{Operation, Stated, Unstated};
pub use origin::Origin;
pub use parameters::{Path, Query};
pub use price::PriceBody;
pub use problem::{FieldFault, Problem};
pub use problem_page::{problem_page, problem_slugs};
pub use problem_type::ProblemType;
pub use replies::{Addressed, Fingerprinted, Lines, Ok, Recorded, Serialised, Tagged};
pub use upload::Upload;
