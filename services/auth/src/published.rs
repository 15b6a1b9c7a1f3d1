//! Domain → contract: state of organisations, memberships, ended sessions, API keys and public keys, and what has to be
//! delivered to people.
//! The rules: no private key leaves this service, and a secret only in the event that delivers it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use contracts::auth::{
    AccountEvent, ApiKeyState, CustomerAccountEvent, CustomerLoginAttemptsNoticed, CustomerPasswordChanged,
    CustomerPasswordResetRequested, DeliveredToken, EndedSessionState, InvitationEvent, InvitationIssued,
    LoginAttemptsNoticed, MembershipState, OrganisationState, PasswordChanged, PasswordResetRequested, SigningKeyState,
};
use kernel::{ApiKeyId, CustomerId, OrganisationId, Secret, SessionId, Timestamp, UserId};

use crate::domain::{ApiKey, Email, Invitation, Notice, Organisation, Place, RoleName, SigningKey, role::words};

/// The organisation as the other services see it.
#[must_use]
pub fn organisation(organisation: &Organisation) -> OrganisationState {
    OrganisationState {
        organisation: organisation.id,
        slug: organisation.slug.clone(),
        name: organisation.name.as_str().to_owned(),
        currency: organisation.currency,
        country: organisation.country.as_ref().map(|country| country.as_str().to_owned()),
        time_zone: Some(organisation.time_zone.as_str().to_owned()),
        guests: Some(organisation.guests),
        active: organisation.active,
        version: organisation.version,
    }
}

/// A person's place in an organisation, as the gateways see it.
#[must_use]
pub fn membership(organisation: OrganisationId, place: &Place) -> MembershipState {
    MembershipState {
        membership: place.membership,
        organisation,
        user: place.user,
        roles: place.roles.iter().map(RoleName::as_text).collect(),
        permissions: words(place.permissions),
        active: place.active,
        version: place.version,
    }
}

/// A login that is over.
#[must_use]
pub fn ended_session(session: SessionId, ended_at: Timestamp) -> EndedSessionState {
    EndedSessionState { session, ended_at }
}

/// An API key as the gateways see it, with the hash of its text.
#[must_use]
pub fn api_key(organisation: OrganisationId, key: &ApiKey, hash: &[u8; 32]) -> ApiKeyState {
    ApiKeyState {
        key: key.id,
        organisation,
        hash: URL_SAFE_NO_PAD.encode(hash),
        permissions: words(key.permissions),
        networks: key.networks.clone(),
        expires_at: key.expires_at,
        revoked_at: key.revoked_at,
    }
}

/// An API key that no gateway need know any more: its tombstone carries nothing but its id.
#[must_use]
pub fn withdrawn_api_key(organisation: OrganisationId, key: ApiKeyId) -> ApiKeyState {
    ApiKeyState {
        key,
        organisation,
        hash: String::new(),
        permissions: Vec::new(),
        networks: Vec::new(),
        expires_at: None,
        revoked_at: None,
    }
}

/// An invitation to deliver.
#[must_use]
pub fn invitation(organisation: &Organisation, invitation: &Invitation, token: &Secret) -> InvitationEvent {
    InvitationEvent::from(InvitationIssued {
        invitation: invitation.id,
        organisation: organisation.id,
        organisation_name: organisation.name.as_str().to_owned(),
        email: invitation.email.as_str().to_owned(),
        token: DeliveredToken::new(token.expose()),
        expires_at: invitation.expires_at,
    })
}

/// What a person is told.
#[must_use]
pub fn account_notice(user: UserId, email: &Email, notice: Notice, now: Timestamp) -> AccountEvent {
    let email = email.as_str().to_owned();
    match notice {
        Notice::PasswordReset(token, expires_at) => {
            let token = DeliveredToken::new(token.expose());
            AccountEvent::from(PasswordResetRequested { user, email, token, expires_at })
        }
        Notice::PasswordChanged => AccountEvent::from(PasswordChanged { user, email, changed_at: now }),
        Notice::Attempts(attempts) => {
            AccountEvent::from(LoginAttemptsNoticed { user, email, attempts, noticed_at: now })
        }
    }
}

/// What a customer of an organisation's shop is told.
#[must_use]
pub fn customer_notice(
    (customer, organisation): (CustomerId, OrganisationId),
    email: &Email,
    notice: Notice,
    now: Timestamp,
) -> CustomerAccountEvent {
    let email = email.as_str().to_owned();
    match notice {
        Notice::PasswordReset(token, expires_at) => {
            let token = DeliveredToken::new(token.expose());
            CustomerPasswordResetRequested { customer, organisation, email, token, expires_at }.into()
        }
        Notice::PasswordChanged => CustomerPasswordChanged { customer, organisation, email, changed_at: now }.into(),
        Notice::Attempts(attempts) => {
            CustomerLoginAttemptsNoticed { customer, organisation, email, attempts, noticed_at: now }.into()
        }
    }
}

/// The public half of a key, and from when to when it signs.
#[must_use]
pub fn signing_key(key: &SigningKey) -> SigningKeyState {
    SigningKeyState {
        kid: key.kid,
        algorithm: "EdDSA".to_owned(),
        public_key: URL_SAFE_NO_PAD.encode(key.public_key),
        not_before: key.signs_from,
        retired_at: key.retired_at,
    }
}
