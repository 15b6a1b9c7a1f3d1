//! Notes a successful login: its time is kept, and the account's attempts are counted from zero again.

use access::Permission;
use kernel::{Clock, UserId};
use mediator::{Command, Tenant, Tx};

use crate::{
    domain::AccountDigest,
    error::Error,
    store::{attempts, users},
};

/// Notes that a user logged in.
#[derive(Debug, Clone)]
pub struct NoteLogin {
    /// The user who logged in.
    pub user: UserId,
    /// The account that the attempt was counted for.
    pub account: AccountDigest,
}

impl Command for NoteLogin {
    const NAME: &'static str = "auth.note-login";
    const REQUIRES: Permission = Permission::SignIn;
    type Tenancy = Tenant;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        attempts::forget(tx, self.account).await?;
        users::note_login(tx, self.user, Clock::now()).await
    }
}
