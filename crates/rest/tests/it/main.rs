//! A small API as a service would write it, asked over HTTP by a test client in this process.
//! No database is there: what needs one answers 503, which is a case of its own.

mod api;
mod document;
mod replies;
mod refusals;
mod serving;
