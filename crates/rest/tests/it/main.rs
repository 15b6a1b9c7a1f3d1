//! A small API as a service would write it, asked over HTTP by a test client in this process.
//! No database is there: what needs one answers 503, which is a case of its own.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may stop at the first surprise, as tests do")]

mod api;
mod document;
mod lists;
mod logged;
mod observation;
mod refusals;
mod replies;
mod serving;
mod tracing_through;
