//! Notes that a guess was right: the account's count starts anew.

use access::Permission;
use kernel::{Clock, UserId};
use mediator::Command;
use persistence::Tx;

use crate::{
    error::Error,
    store::{attempts, users},
};

/// Notes that a user logged in.
#[derive(Debug, Clone)]
pub struct NoteLogin {
    /// Who.
    pub user: UserId,
    /// Under which account the guesses were counted.
    pub account: attempts::Account,
}

impl Command for NoteLogin {
    const NAME: &'static str = "auth.note-login";
    const REQUIRES: Permission = Permission::SignIn;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        attempts::forget(tx, &self.account).await?;
        users::note_login(tx, self.user, Clock::now()).await?;
        Ok(())
    }
}
