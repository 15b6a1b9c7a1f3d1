//! Decides whether a password may be tried now, and counts the attempt.

use access::Permission;
use kernel::Clock;
use mediator::{Command, Tenant, Tx};

use crate::{
    domain::{AccountDigest, Admission},
    error::Error,
    store::attempts,
};

/// Asks for one attempt at an account, which need not exist.
#[derive(Debug, Clone)]
pub struct AdmitLogin {
    /// The account that the attempt is counted for.
    pub account: AccountDigest,
}

impl Command for AdmitLogin {
    const NAME: &'static str = "auth.admit-login";
    const REQUIRES: Permission = Permission::SignIn;
    type Tenancy = Tenant;
    type Reply = Admission;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<Admission, Error> {
        let now = Clock::now();
        let (counted, admission) = attempts::lock(tx, self.account, now).await?.admit(now);
        attempts::save(tx, self.account, counted).await?;
        attempts::delete_old(tx, now).await?;
        Ok(admission)
    }
}
