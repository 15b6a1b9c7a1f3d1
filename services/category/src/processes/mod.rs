//! Work of several steps around commands and queries. The rule: a process changes state through commands only.

pub mod rebuild;
