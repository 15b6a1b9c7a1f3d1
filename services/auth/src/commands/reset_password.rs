//! Replaces a password by a token that was delivered to the account's address, and ends all of its sessions.

use access::Permission;
use kernel::Clock;
use mediator::{Command, Platform, Tx};

use super::{end, set_password, tell};
use crate::{
    credentials::PasswordHash,
    domain::{AccountId, Email, Meant, Notice, Subject},
    error::Error,
    store::{attempts, password_resets},
};

/// Uses up a reset token.
#[derive(Debug, Clone)]
pub struct ResetPassword {
    /// The account that the token names.
    pub account: AccountId,
    /// Where its owner is told.
    pub email: Email,
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
    /// What the attempts before were counted for that whoever has the token has made.
    pub subjects: Vec<Subject>,
    /// The hash of the new password.
    pub password: PasswordHash,
}

impl Command for ResetPassword {
    const NAME: &'static str = "auth.reset-password";
    const REQUIRES: Permission = Permission::SignIn;
    type Tenancy = Platform;
    /// How many sessions were ended.
    type Reply = usize;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<usize, Error> {
        let now = Clock::now();
        // The account first, as a change of the password does.
        set_password(tx, self.account, None, &self.password, now).await?;
        password_resets::take(tx, self.account, &self.token_hash, now).await?;
        attempts::forgive(tx, &self.subjects, now).await?;
        tell(tx, self.account, &self.email, Notice::PasswordChanged, now);
        end(tx, self.account, Meant::All, now).await
    }
}
