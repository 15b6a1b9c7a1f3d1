//! Decides whether a password may be tried now, and counts the attempt; takes it back where the password was right.

use access::Permission;
use kernel::Clock;
use mediator::{Command, Platform, Tx};

use super::tell;
use crate::{
    domain::{AccountId, Admission, Email, Notice, Subject, admit},
    error::Error,
    store::attempts,
};

/// Asks for one attempt at an account, which need not exist.
#[derive(Debug, Clone)]
pub struct AdmitLogin {
    /// What the attempt counts for.
    pub subjects: Vec<Subject>,
    /// The account that is tried and its address, where attempts are told of that become many; none where there is no
    /// such account.
    pub known: Option<(AccountId, Email)>,
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
        if let (Admission::Admitted { at_account }, Some((account, email)), true) =
            (admission, &self.known, admission.is_remarkable())
        {
            tell(tx, *account, email, Notice::Attempts(at_account), now);
        }
        Ok(admission)
    }
}

/// Takes an attempt back whose password was right, where no session follows that would.
#[derive(Debug, Clone)]
pub struct ForgiveAttempt {
    /// What the attempt was counted for.
    pub subjects: Vec<Subject>,
}

impl Command for ForgiveAttempt {
    const NAME: &'static str = "auth.forgive-attempt";
    const REQUIRES: Permission = Permission::SignIn;
    type Tenancy = Platform;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<(), Error> {
        attempts::forgive(tx, &self.subjects, Clock::now()).await
    }
}
