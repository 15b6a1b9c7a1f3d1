//! devstack against the real programs: one test binary.
#![expect(clippy::unwrap_used, reason = "a test's helper may stop at the first surprise, like the test itself")]

mod bot_api;
mod killed;
mod servers;
mod shared;
