//! Work of several steps around commands and queries: logging in, and keeping the signing keys. No step holds a
//! transaction while another one runs.

pub mod keeper;
pub mod log_in;
