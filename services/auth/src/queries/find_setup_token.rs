//! The one-time token that makes the first operator.

use access::Permission;
use diesel::{ExpressionMethods, QueryDsl, dsl::exists};
use diesel_async::RunQueryDsl;
use mediator::{Platform, Query, ReadConn};

use crate::{error::Error, schema::setup_tokens};

/// Asks whether a setup token is the one that was printed and not used yet.
#[derive(Debug, Clone)]
pub struct IsSetupTokenGood {
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
}

impl Query for IsSetupTokenGood {
    const NAME: &'static str = "auth.is-setup-token-good";
    const REQUIRES: Permission = Permission::SetUp;
    type Tenancy = Platform;
    type Reply = bool;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_, Platform>) -> Result<bool, Error> {
        let good = setup_tokens::table
            .filter(setup_tokens::token_hash.eq(&self.token_hash[..]))
            .select(setup_tokens::token_hash);
        Ok(diesel::select(exists(good)).get_result(read.connection()).await?)
    }
}
