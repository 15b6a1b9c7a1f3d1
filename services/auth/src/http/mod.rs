//! The route table. Permissions stand on the commands and queries; handlers only translate.

mod logins;
mod me;
mod organisations;
mod problems;
mod signing_keys;

use rest::{Api, Routes};

use crate::{
    commands::{AdmitLogin, CreateOrganisation},
    queries::FindUser,
};

/// Every route of this service.
#[must_use]
pub fn routes() -> Routes {
    Api::new("auth", "Organisations, their users, logins and the keys that verify access tokens")
        .problems(&problems::ALL)
        .post("/auth/v1/organisations", organisations::create, |op| {
            op.summary("Create an organisation with its first owner")
                .sends::<CreateOrganisation>()
                .problems(&problems::CREATE)
        })
        .post("/auth/v1/login", logins::create, |op| {
            op.summary("Log in and get an access token").sends::<AdmitLogin>().problems(&problems::LOGIN)
        })
        .get("/auth/v1/jwks", signing_keys::list, |op| {
            op.summary("The public keys that verify access tokens (RFC 7517)")
                .open("auth.list-signing-keys", "public keys are for everybody")
        })
        .get("/auth/v1/me", me::find, |op| op.summary("Who the access token stands for").asks::<FindUser>())
        .finish()
}
