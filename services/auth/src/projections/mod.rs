//! Rows that are read in commands and in queries alike, and the domain's terms that they become.
//! The rule: a row that breaks a rule of the domain is an error that names it; nothing is guessed.

mod api_key;
mod invitation;
mod organisation;

pub use api_key::ApiKeyRow;
pub use invitation::InvitationRow;
pub use organisation::OrganisationRow;
