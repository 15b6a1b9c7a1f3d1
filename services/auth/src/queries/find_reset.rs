//! Whether somebody who wants to choose a new password may.

use access::Permission;
use diesel::{ExpressionMethods, QueryDsl, dsl::exists};
use diesel_async::RunQueryDsl;
use kernel::Clock;
use mediator::{Platform, Query, ReadConn};

use crate::{domain::AccountId, error::Error, schema::password_resets};

/// Asks whether a reset token is an account's valid one.
#[derive(Debug, Clone)]
pub struct IsResetGood {
    /// The account that the token names.
    pub account: AccountId,
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
}

impl Query for IsResetGood {
    const NAME: &'static str = "auth.is-reset-good";
    const REQUIRES: Permission = Permission::SignIn;
    type Tenancy = Platform;
    type Reply = bool;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_, Platform>) -> Result<bool, Error> {
        let valid = password_resets::table
            .filter(password_resets::account_id.eq(self.account.uuid()))
            .filter(password_resets::token_hash.eq(&self.token_hash[..]))
            .filter(password_resets::expires_at.gt(Clock::now()))
            .select(password_resets::account_id);
        Ok(diesel::select(exists(valid)).get_result(read.connection()).await?)
    }
}
