//! Proving a password, within the limits for guessing.
//! The rule: an account that does not exist gets the same answers after the same work as one that does.

use kernel::Secret;
use mediator::{Mediator, Platform, Scope, SendError};
use rest::Origin;

use crate::{
    commands::AdmitLogin,
    credentials::{Credentials, Lane, PasswordHash},
    domain::{AccountId, Admission, Email, Password, Subject},
    error::Error,
};

/// A password that somebody gives for an account, which need not exist.
pub(super) struct Guess<'a> {
    /// What attempts are counted for: the address, with the shop before it for a customer.
    pub(super) account: &'a str,
    /// The account, if there is one, its address, and the hash of its password.
    pub(super) known: Option<(AccountId, Email, PasswordHash)>,
    /// The password.
    pub(super) password: &'a Password,
    /// What the client was given when it logged in before.
    pub(super) client_token: Option<&'a Secret>,
    /// Where the attempt comes from.
    pub(super) origin: &'a Origin,
    /// In which line somebody waits whom nobody knows.
    pub(super) lane: Lane,
}

/// A password that was right.
pub(super) struct Proof {
    /// What the attempt was counted for.
    pub(super) subjects: Vec<Subject>,
    /// The hash that the password was checked against.
    pub(super) verified: PasswordHash,
    /// The client, if it had logged in before.
    pub(super) client_token: Option<Secret>,
    /// The password's new hash, where the stored one was made with former parameters.
    pub(super) rehashed: Option<PasswordHash>,
}

/// Checks the password.
///
/// # Errors
/// `LoginRefused`, `LoginLocked`, `Hashing` and `Storage`.
pub(super) async fn prove(
    mediator: &Mediator,
    credentials: &Credentials,
    visitor: &Scope<Platform>,
    guess: Guess<'_>,
) -> Result<Proof, SendError<Error>> {
    let (subjects, client_token) = guess.subjects(credentials);
    let lane = if client_token.is_some() { Lane::Known } else { guess.lane };
    let known = guess.known.as_ref().map(|(account, email, _)| (*account, email.clone()));
    let attempt = AdmitLogin { subjects: subjects.clone(), known };
    let account = guess.known.as_ref().map(|(account, ..)| account.uuid());
    if let Admission::Locked { until } = mediator.send(visitor, attempt).await? {
        tracing::info!(address = %guess.origin.address, ?account, %until, "no password may be tried now");
        return Err(Error::LoginLocked { until }.into());
    }
    let hash = guess.known.map(|(_, _, hash)| hash);
    if !credentials.hasher.verify(hash.clone(), guess.password.clone(), lane).await? {
        tracing::info!(address = %guess.origin.address, ?account, "a wrong password was refused");
        return Err(Error::LoginRefused.into());
    }
    // A password is right only where there is an account.
    let verified = hash.ok_or(Error::LoginRefused)?;
    let rehashed = match credentials.hasher.is_outdated(&verified) {
        true => Some(credentials.hasher.hash(guess.password.clone(), lane).await?),
        false => None,
    };
    Ok(Proof { subjects, verified, client_token, rehashed })
}

impl Proof {
    /// The proof of an account that was just made with this hash of its password.
    pub(super) fn of_new(verified: PasswordHash) -> Self {
        Self { subjects: Vec::new(), verified, client_token: None, rehashed: None }
    }
}

impl Guess<'_> {
    /// What the attempt counts for, and the token of the client if it is known. Without an account none can be.
    fn subjects(&self, credentials: &Credentials) -> (Vec<Subject>, Option<Secret>) {
        let known = self.client_token.zip(self.known.as_ref()).and_then(|(token, (account, _, hash))| {
            Some((credentials.derivation.client_of(account.uuid(), hash, token.expose())?, token))
        });
        match known {
            Some((client, token)) => (Subject::of_known_client(self.account, &client), Some(token.clone())),
            None => (Subject::of_stranger(self.account, self.origin.address), None),
        }
    }
}
