//! What both sides of the service read in the same shape: the write side after a lock, the read side for a reply.
//! The rule: each SELECT stands here once. Sees the domain, the schema and the errors; seen by `store` and `queries`.

pub(crate) mod attribute;
pub(crate) mod location;
pub(crate) mod price;
pub(crate) mod product;
pub(crate) mod serving;
pub(crate) mod stock;
pub(crate) mod view;
