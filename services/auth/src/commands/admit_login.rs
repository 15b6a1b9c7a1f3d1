//! Decides whether a password may be tried now, and counts the attempt.

use access::Permission;
use kernel::{Clock, UserId};
use mediator::{Command, Platform, Tx};

use crate::{
    domain::{Admission, Email, Subject, admit},
    error::Error,
    published,
    store::attempts,
};

/// Asks for one attempt at an account, which need not exist.
#[derive(Debug, Clone)]
pub struct AdmitLogin {
    /// What the attempt counts for.
    pub subjects: Vec<Subject>,
    /// Whose account is tried, who hears of attempts that become many.
    pub owner: Option<(UserId, Email)>,
}

impl Command for AdmitLogin {
    const NAME: &'static str = "auth.admit-login";
    const REQUIRES: Permission = Permission::SignIn;
    type Tenancy = Platform;
    type Reply = Admission;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<Admission, Error> {
        let now = Clock::now();
        let mut counted = attempts::lock(tx, &self.subjects, now).await?;
        let admission = admit(&mut counted, now);
        if let Admission::Admitted { .. } = admission {
            // What is refused counts for nobody, and leaves the time at which the counts began to fade.
            attempts::save(tx, &counted, now).await?;
        }
        attempts::delete_old(tx, now).await?;
        if let (Admission::Admitted { at_account }, Some((user, email)), true) =
            (admission, &self.owner, admission.is_remarkable())
        {
            tx.record(now.timestamp_micros(), published::attempts_noticed(*user, email, at_account, now));
        }
        Ok(admission)
    }
}
