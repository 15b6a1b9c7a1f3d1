//! What both sides of the service, or several questions, read in the same shape.
//! The rule: the columns of a projection stand here once.

pub(crate) mod category;
pub(crate) mod forest;
