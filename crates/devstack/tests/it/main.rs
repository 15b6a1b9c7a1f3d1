//! devstack against the real programs: one test binary.

mod servers;
mod shared;
