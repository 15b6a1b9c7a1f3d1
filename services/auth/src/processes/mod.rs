//! Work of several steps around commands and queries: logging in and staying logged in, choosing passwords, joining an
//! organisation, buying in a shop, running the installation, exchanging API keys, keeping the signing keys, and clearing sessions away. No step holds a transaction
//! while another one runs.

pub mod clearing;
pub mod customers;
pub mod entry;
pub mod exchange;
pub mod join;
pub mod keeper;
pub mod log_in;
pub mod operators;
pub mod passwords;
mod proof;
pub mod refresh;
