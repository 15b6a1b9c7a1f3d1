//! What both sides of the service read in the same shape: the write side under its lock, the read side for a reply.
//! The rule: the columns of a projection stand here once.

pub(crate) mod category;
