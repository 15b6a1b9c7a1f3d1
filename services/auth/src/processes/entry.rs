//! Who enters where, and the tokens that they get for it.

use access::{Bearer, Grant, Permissions};
use kernel::{Clock, CustomerId, OrganisationId, Secret, SessionId, Timestamp, UserId};
use mediator::{Mediator, Platform, Scope, SendError};
use rest::Origin;

use super::proof::Proof;
use crate::{
    commands::OpenSession,
    credentials::{Credentials, RefreshToken, described},
    domain::{Holder, Seat, Session},
    error::Error,
};

/// The most characters that are kept of what a client says of itself.
const DEVICE: usize = 200;

/// Somebody who may enter.
#[derive(Debug, Clone)]
pub(super) enum Entry {
    /// A person, to an organisation.
    Seat(UserId, Seat),
    /// A person who runs the installation.
    Operator(UserId),
    /// A customer, to an organisation's shop.
    Customer(CustomerId, OrganisationId),
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
    /// Whose session it is.
    pub holder: Holder,
}

impl Entry {
    pub(super) fn holder(&self) -> Holder {
        match self {
            Self::Seat(user, seat) => Holder::Person(*user, seat.organisation),
            Self::Operator(user) => Holder::Operator(*user),
            Self::Customer(customer, organisation) => Holder::Customer(*customer, *organisation),
        }
    }

    /// The tokens of this session: an access token, and what is given beside it.
    pub(super) fn tokens(
        &self,
        credentials: &Credentials,
        session: SessionId,
        refresh: Option<Secret>,
        client: Option<Secret>,
        now: Timestamp,
    ) -> Result<Tokens, Error> {
        let grant = match self {
            Self::Seat(user, seat) => {
                let (user, organisation) = (*user, seat.organisation);
                let bearer = Bearer::Person { user, organisation, standing: seat.standing(session) };
                Grant { bearer, permissions: seat.permissions }
            }
            Self::Operator(user) => {
                Grant { bearer: Bearer::Operator { user: *user, session }, permissions: Permissions::NONE }
            }
            Self::Customer(customer, organisation) => {
                let (customer, organisation) = (*customer, *organisation);
                Grant { bearer: Bearer::Customer { customer, organisation, session }, permissions: Permissions::NONE }
            }
        };
        let access = credentials.issuer.issue(&grant, now)?;
        Ok(Tokens { access, refresh, client, session, holder: self.holder() })
    }
}

/// Opens a session for somebody who has proven who they are.
pub(super) async fn open(
    mediator: &Mediator,
    credentials: &Credentials,
    visitor: &Scope<Platform>,
    entry: &Entry,
    proof: Proof,
    origin: &Origin,
) -> Result<Tokens, SendError<Error>> {
    let (now, holder) = (Clock::now(), entry.holder());
    let refresh = RefreshToken::random(SessionId::new())?;
    let session = Session {
        id: refresh.id,
        holder,
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
        subjects: proof.subjects,
        verified: proof.verified.clone(),
        rehashed: proof.rehashed.clone(),
    };
    mediator.send(visitor, opening).await?;
    let account = holder.account().uuid();
    let client = match (proof.client_token, proof.rehashed) {
        (Some(known), None) => known,
        (_, rehashed) => credentials.derivation.client_token(account, &rehashed.unwrap_or(proof.verified))?,
    };
    tracing::info!(?holder, session = %refresh.id, "logged in");
    Ok(entry.tokens(credentials, refresh.id, Some(refresh.text()), Some(client), now)?)
}
