//! Logging in. It takes several steps, because no transaction may be held while a password is hashed: find the account,
//! admit the attempt, check the password, open a session, sign a token.
//! The rule: an account that does not exist gets the same answers after the same work as one that does.

use access::{Bearer, Grant};
use kernel::{Clock, OrganisationId, Secret, SessionId, Slug, Timestamp, UserId};
use mediator::{Mediator, Platform, Scope, SendError};
use rest::Origin;

use crate::{
    commands::{AdmitLogin, OpenSession},
    credentials::{Credentials, PasswordHash, RefreshToken, described},
    domain::{Admission, Email, Password, Seat, Session, Subject},
    error::Error,
    queries::{Account, FindAccount},
};

/// The most characters that are kept of what a client says of itself.
const DEVICE: usize = 200;

/// The account that somebody wants to log in to, and the password that they gave.
#[derive(Debug)]
pub struct LogIn {
    /// The organisation's slug; none when the account works for one only.
    pub organisation: Option<Slug>,
    /// The address of the account.
    pub email: Email,
    /// The password to check.
    pub password: Password,
    /// What the client was given when it logged in before.
    pub client_token: Option<Secret>,
    /// Where the attempt comes from.
    pub origin: Origin,
}

/// The tokens of a session.
#[derive(Debug)]
pub struct Tokens {
    /// The access token.
    pub access: Secret,
    /// What replaces it when it has expired; none where the session goes on with the one that it has.
    pub refresh: Option<Secret>,
    /// What the client presents when it logs in again; only after a password was given.
    pub client: Option<Secret>,
    /// The session.
    pub session: SessionId,
    /// The organisation that the access token is for.
    pub organisation: OrganisationId,
    /// The person.
    pub user: UserId,
}

/// Somebody who gave the right password.
pub(super) struct Proven {
    pub(super) account: Account,
    subjects: Vec<Subject>,
    rehashed: Option<PasswordHash>,
}

impl Proven {
    /// The same proof for the account as it is by now; without a proof, that of somebody whose account was just made.
    pub(super) fn again(former: Option<Self>, account: Account) -> Self {
        let (subjects, rehashed) = former.map(|former| (former.subjects, former.rehashed)).unwrap_or_default();
        Self { account, subjects, rehashed }
    }
}

impl LogIn {
    /// Logs in, or refuses without saying which part was wrong.
    ///
    /// # Errors
    /// `LoginRefused`, `LoginLocked`, `OrganisationNotChosen`, `Hashing`, `Signing` and `Storage`.
    pub async fn run(
        self,
        mediator: &Mediator,
        credentials: &Credentials,
        visitor: &Scope<Platform>,
    ) -> Result<Tokens, SendError<Error>> {
        let proven = self.prove(mediator, credentials, visitor).await?;
        let seat = choose(&proven.account, self.organisation.as_ref())?.clone();
        open(mediator, credentials, visitor, proven, &seat, &self.origin).await
    }

    /// Checks the password, within the limits for guessing.
    ///
    /// # Errors
    /// `LoginRefused`, `LoginLocked`, `Hashing` and `Storage`.
    pub(super) async fn prove(
        &self,
        mediator: &Mediator,
        credentials: &Credentials,
        visitor: &Scope<Platform>,
    ) -> Result<Proven, SendError<Error>> {
        let account = mediator.ask(visitor, FindAccount::ByEmail(self.email.clone())).await?;
        let user = account.as_ref().map(|account| account.user);
        let subjects = self.subjects(credentials, user);
        let attempt = AdmitLogin { subjects: subjects.clone(), email: self.email.clone(), user };
        if let Admission::Locked { until } = mediator.send(visitor, attempt).await? {
            return Err(Error::LoginLocked { until }.into());
        }
        let hash = account.as_ref().map(|account| account.password.clone());
        let matches = credentials.hasher.verify(hash, self.password.clone()).await?;
        let Some(account) = account.filter(|_| matches) else { return Err(Error::LoginRefused.into()) };
        let rehashed = match credentials.hasher.is_outdated(&account.password) {
            true => Some(credentials.hasher.hash(self.password.clone()).await?),
            false => None,
        };
        Ok(Proven { account, subjects, rehashed })
    }

    /// What the attempt counts for. Without an account no client can be known.
    fn subjects(&self, credentials: &Credentials, user: Option<UserId>) -> Vec<Subject> {
        let client = self
            .client_token
            .as_ref()
            .zip(user)
            .and_then(|(token, user)| credentials.derivation.client_of(user, token.expose()));
        match client {
            Some(client) => Subject::of_known_client(&self.email, &client),
            None => Subject::of_stranger(&self.email, self.origin.address),
        }
    }
}

/// The account that has this address, if this is its password; for whoever creates an organisation for somebody. Only the
/// installation's operator can ask, so it is not counted as an attempt.
///
/// # Errors
/// `Hashing` and `Storage`.
pub async fn prove_owner(
    mediator: &Mediator,
    credentials: &Credentials,
    visitor: &Scope<Platform>,
    email: &Email,
    password: &Password,
) -> Result<Option<UserId>, SendError<Error>> {
    let account = mediator.ask(visitor, FindAccount::ByEmail(email.clone())).await?;
    let Some(account) = account else { return Ok(None) };
    let matches = credentials.hasher.verify(Some(account.password), password.clone()).await?;
    Ok(matches.then_some(account.user))
}

/// The organisation that the session is for: the one that was named, or the only one.
fn choose<'a>(account: &'a Account, named: Option<&Slug>) -> Result<&'a Seat, Error> {
    match (named, account.seats.as_slice()) {
        // Which organisations somebody works for is no stranger's business; whoever gets here gave the password.
        (Some(slug), seats) => seats.iter().find(|seat| seat.slug == *slug).ok_or(Error::LoginRefused),
        (None, [only]) => Ok(only),
        (None, []) => Err(Error::NotAMember),
        (None, seats) => {
            let organisations = seats.iter().map(|seat| seat.slug.clone()).collect();
            Err(Error::OrganisationNotChosen { organisations })
        }
    }
}

/// Opens the session of somebody who has proven who they are.
pub(super) async fn open(
    mediator: &Mediator,
    credentials: &Credentials,
    visitor: &Scope<Platform>,
    proven: Proven,
    seat: &Seat,
    origin: &Origin,
) -> Result<Tokens, SendError<Error>> {
    let (now, user) = (Clock::now(), proven.account.user);
    let refresh = RefreshToken::random(SessionId::new())?;
    let session = Session {
        id: refresh.id,
        user,
        organisation: seat.organisation,
        refresh_hash: refresh.hash(),
        generation: 0,
        rotated_at: now,
        last_used_at: now,
        expires_at: now + credentials.life.whole,
        ended_at: None,
    };
    let opening = OpenSession {
        session,
        device: described(&origin.device, DEVICE),
        address: origin.address.to_string(),
        subjects: proven.subjects,
        rehashed: proven.rehashed,
    };
    mediator.send(visitor, opening).await?;
    let access = access_token(credentials, user, refresh.id, seat, now)?;
    let client = credentials.derivation.client_token(user)?;
    tracing::info!(organisation = %seat.organisation, %user, session = %refresh.id, "logged in");
    Ok(Tokens {
        access,
        refresh: Some(refresh.text()),
        client: Some(client),
        session: refresh.id,
        organisation: seat.organisation,
        user,
    })
}

/// An access token of this session for this seat.
pub(super) fn access_token(
    credentials: &Credentials,
    user: UserId,
    session: SessionId,
    seat: &Seat,
    now: Timestamp,
) -> Result<Secret, Error> {
    let bearer = Bearer::Person { user, standing: seat.standing(session) };
    let grant = Grant { bearer, organisation: seat.organisation, permissions: seat.permissions };
    credentials.issuer.issue(&grant, now)
}
