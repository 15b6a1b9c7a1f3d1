//! Replaces the password of an account and ends its other sessions.

use access::Permission;
use kernel::{Clock, SessionId};
use mediator::{Command, Platform, Tx};

use super::{end, set_password, tell};
use crate::{
    credentials::PasswordHash,
    domain::{AccountId, Email, Meant, Notice, Subject},
    error::Error,
    store::{attempts, password_resets},
};

/// Replaces the password of a person who has just given the former one.
#[derive(Debug, Clone)]
pub struct ChangePassword {
    /// The account.
    pub account: AccountId,
    /// Where its owner is told.
    pub email: Email,
    /// The session that goes on.
    pub session: SessionId,
    /// What giving the former password was counted for.
    pub subjects: Vec<Subject>,
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
        set_password(tx, self.account, Some(&self.verified), &self.password, now).await?;
        attempts::forgive(tx, &self.subjects, now).await?;
        password_resets::delete(tx, self.account).await?;
        tell(tx, self.account, &self.email, Notice::PasswordChanged, now);
        end(tx, self.account, Meant::Others(self.session), now).await
    }
}

/// [`ChangePassword`] for customers.
#[derive(Debug, Clone)]
pub struct ChangeCustomerPassword(pub ChangePassword);

impl Command for ChangeCustomerPassword {
    const NAME: &'static str = "auth.change-customer-password";
    const REQUIRES: Permission = Permission::CustomerOwn;
    type Tenancy = Platform;
    /// How many sessions were ended.
    type Reply = usize;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<usize, Error> {
        self.0.execute(tx).await
    }
}
