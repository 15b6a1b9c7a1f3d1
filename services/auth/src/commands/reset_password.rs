//! Replaces a password by a token that was delivered to the person's address, and ends all sessions of the person.

use access::Permission;
use kernel::{Clock, UserId};
use mediator::{Command, Platform, Tx};

use super::end;
use crate::{
    credentials::PasswordHash,
    domain::{Email, LogsIn, Meant},
    error::Error,
    published,
    store::{password_resets, people},
};

/// Uses up a reset token.
#[derive(Debug, Clone)]
pub struct ResetPassword {
    /// The person that the token names.
    pub user: UserId,
    /// Where the person is told.
    pub email: Email,
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
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
        password_resets::take(tx, self.user, &self.token_hash, now).await?;
        people::set_password(tx, self.user, None, &self.password, now).await?;
        tx.record(now.timestamp_micros(), published::password_changed(self.user, &self.email, now));
        end(tx, LogsIn::User(self.user), Meant::All, now).await
    }
}
