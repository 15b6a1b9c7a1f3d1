//! devstack against the real programs: one test binary.

mod bot_api;
mod servers;
mod shared;
