//! Opens the session of somebody whose password was right, and forgives the attempt.

use access::Permission;
use kernel::Clock;
use mediator::{Command, Platform, Tx};

use super::publish_ended;
use crate::{
    credentials::PasswordHash,
    domain::{AccountId, Session, Subject},
    error::Error,
    store::{attempts, customers, people, sessions},
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
    /// The hash that the password was checked against. If another password was chosen meanwhile, there is no session.
    pub verified: PasswordHash,
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
        let (now, kept) = (Clock::now(), self.rehashed.as_ref().unwrap_or(&self.verified));
        let noted = match self.session.holder.account() {
            AccountId::Person(user) => people::note_login(tx, user, &self.verified, kept, now).await?,
            AccountId::Customer(customer, _) => customers::note_login(tx, customer, &self.verified, kept, now).await?,
        };
        if !noted {
            return Err(Error::LoginRefused);
        }
        attempts::forgive(tx, &self.subjects, now).await?;
        sessions::insert(tx, &self.session, &self.device, &self.address).await?;
        let surplus = sessions::end_surplus(tx, self.session.holder.account(), now).await?;
        publish_ended(tx, &surplus, now);
        Ok(())
    }
}
