//! Asks whether a password may be guessed at now, and counts the guess.

use access::Permission;
use kernel::Clock;
use mediator::Command;
use persistence::Tx;

use crate::{domain::Verdict, error::Error, store::attempts};

/// Asks for one guess at an account, which need not exist.
#[derive(Debug, Clone)]
pub struct AdmitLogin {
    /// Which account.
    pub account: attempts::Account,
}

impl Command for AdmitLogin {
    const NAME: &'static str = "auth.admit-login";
    const REQUIRES: Permission = Permission::SignIn;
    type Reply = Verdict;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<Verdict, Error> {
        let now = Clock::now();
        let (counted, verdict) = attempts::lock(tx, &self.account, now).await?.admit(now);
        attempts::save(tx, &self.account, counted).await?;
        attempts::clear(tx, now).await?;
        Ok(verdict)
    }
}
