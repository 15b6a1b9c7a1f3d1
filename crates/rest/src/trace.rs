//! Trace context (W3C, `traceparent`) for those who may not see the mediator. The rule: it is read and written there
//! only.

pub use mediator::{continue_from, remote_span, traceparent_of};
