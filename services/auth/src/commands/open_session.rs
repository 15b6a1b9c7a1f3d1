//! Opens the session of a person whose password was right, and forgives the attempt.

use access::Permission;
use kernel::Clock;
use mediator::{Command, Platform, Tx};

use crate::{
    credentials::PasswordHash,
    domain::{Session, Subject},
    error::Error,
    store::{attempts, people, sessions},
};

/// Opens a session.
#[derive(Debug, Clone)]
pub struct OpenSession {
    /// The session as it begins.
    pub session: Session,
    /// What its client says of itself, at most 200 characters.
    pub device: String,
    /// Where the client is.
    pub address: String,
    /// What the attempt was counted for.
    pub subjects: Vec<Subject>,
    /// The password's new hash, where the stored one was made with former parameters.
    pub rehashed: Option<PasswordHash>,
}

impl Command for OpenSession {
    const NAME: &'static str = "auth.open-session";
    const REQUIRES: Permission = Permission::SignIn;
    type Tenancy = Platform;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<(), Error> {
        let now = Clock::now();
        attempts::forgive(tx, &self.subjects, now).await?;
        people::note_login(tx, self.session.user, self.rehashed.as_ref(), now).await?;
        sessions::insert(tx, &self.session, &self.device, &self.address, now).await
    }
}
