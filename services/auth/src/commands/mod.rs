//! What can be changed: one use case per file. Slow work (hashing a password) is done before a transaction begins.

mod admit_login;
mod create_organisation;
mod note_login;
mod tend_signing_keys;

pub use admit_login::AdmitLogin;
pub use create_organisation::CreateOrganisation;
pub use note_login::NoteLogin;
pub use tend_signing_keys::TendSigningKeys;
