#![doc = include_str!("../README.md")]

mod compact;
mod condition;
mod entity;
mod facet;
mod fault;
mod field;
mod filter;
mod order;
mod request;
mod run;
mod search;
mod sql;
mod value;

pub use entity::{Answer, Entity, FieldDescription, FieldList, Item, Total};
pub use facet::Bucket;
pub use fault::{Fault, Faults};
pub use field::{Field, Operator, Registry};
pub use request::{Counting, Parameters, Request};
pub use run::Error;
pub use value::{IdForm, Kind};
