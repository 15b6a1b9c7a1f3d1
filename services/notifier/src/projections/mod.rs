//! SELECTs that the store and the queries share.
//! The rule: a row leaves as a value of the domain.

pub(crate) mod destination;
