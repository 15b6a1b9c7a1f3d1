//! Lets somebody choose a new password with a token that is delivered to the account's address.

use std::time::Duration;

use access::Permission;
use kernel::{Clock, Secret};
use mediator::{Command, Platform, Tx};

use super::tell;
use crate::{
    domain::{AccountId, Email, Notice},
    error::Error,
    store::password_resets,
};

/// How soon another token is made.
const AGAIN_AFTER: Duration = Duration::from_secs(300);
/// How long the token can be used.
const LIFE: Duration = Duration::from_secs(3_600);

/// Replaces the account's reset token, if there is one, and has the new one delivered. Within five minutes of the former one
/// nothing happens.
#[derive(Debug, Clone)]
pub struct RequestPasswordReset {
    /// The account.
    pub account: AccountId,
    /// Where the token goes.
    pub email: Email,
    /// The token.
    pub token: Secret,
    /// SHA-256 of it.
    pub token_hash: [u8; 32],
}

impl Command for RequestPasswordReset {
    const NAME: &'static str = "auth.request-password-reset";
    const REQUIRES: Permission = Permission::SignIn;
    type Tenancy = Platform;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<(), Error> {
        let now = Clock::now();
        let times = (now - AGAIN_AFTER, now, now + LIFE);
        if password_resets::replace(tx, self.account, &self.token_hash, times).await? {
            tell(tx, self.account, &self.email, Notice::PasswordReset(self.token.clone(), now + LIFE), now);
        }
        Ok(())
    }
}
