//! SQL that writes: load for update, insert, save. A row type that queries read, too, stands in `projections`.

pub mod api_keys;
pub mod attempts;
pub mod customers;
pub mod invitations;
pub mod memberships;
pub mod operators;
pub mod organisations;
pub mod password_resets;
pub mod people;
pub mod roles;
pub mod sessions;
pub mod signing_keys;
