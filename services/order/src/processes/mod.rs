//! Work of several steps around commands and queries. The rule: a process changes state through commands only.

pub mod deadline_sweep;
mod followers;
pub mod intake_sweep;
pub mod rebuild;
mod waiting_room;

pub use followers::{Follower, Followers, is_over};
pub use waiting_room::{Waiter, WaitingRoom};
