//! Replaces a person's password and ends the person's other sessions.

use access::Permission;
use kernel::{Clock, SessionId, UserId};
use mediator::{Command, Platform, Tx};

use super::end;
use crate::{
    credentials::PasswordHash,
    domain::{Email, LogsIn, Meant},
    error::Error,
    published,
    store::{password_resets, people},
};

/// Replaces the password of a person who has just given the former one.
#[derive(Debug, Clone)]
pub struct ChangePassword {
    /// The person.
    pub user: UserId,
    /// Where the person is told.
    pub email: Email,
    /// The session that goes on.
    pub session: SessionId,
    /// The hash that the former password was checked against.
    pub verified: PasswordHash,
    /// The hash of the new password.
    pub password: PasswordHash,
}

impl Command for ChangePassword {
    const NAME: &'static str = "auth.change-password";
    const REQUIRES: Permission = Permission::AccountOwn;
    type Tenancy = Platform;
    /// How many sessions were ended.
    type Reply = usize;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<usize, Error> {
        let now = Clock::now();
        people::set_password(tx, self.user, Some(&self.verified), &self.password, now).await?;
        password_resets::delete(tx, self.user).await?;
        tx.record(now.timestamp_micros(), published::password_changed(self.user, &self.email, now));
        end(tx, LogsIn::User(self.user), Meant::Others(self.session), now).await
    }
}
