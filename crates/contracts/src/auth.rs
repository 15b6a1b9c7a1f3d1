//! What auth publishes. State: the public keys that verify its tokens, the organisations, who works for them, ended logins
//! and API keys. Facts: what has to be delivered to a person by e-mail; those carry a secret that only its reader may see.

use std::fmt;

use kernel::{
    ApiKeyId, Currency, CustomerId, InvitationId, KeyId, MembershipId, OrganisationId, SessionId, Slug, Timestamp,
    UserId,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{channel, topics};

/// A public key that verifies access tokens. Its tombstone revokes it and every token signed with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SigningKeyState {
    /// The `kid` of tokens and of the JWKS.
    pub kid: KeyId,
    /// Always "EdDSA".
    pub algorithm: String,
    /// The JWK's `x`: 32 bytes in base64url without padding.
    pub public_key: String,
    /// When tokens may first be signed with it.
    pub not_before: Timestamp,
    /// When it stopped signing; what it has signed stays valid until it expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired_at: Option<Timestamp>,
}

channel::state!(SigningKeyState on topics::SIGNING_KEY, keyed by kid, "auth.signing-key.state.v1");

/// An organisation: a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrganisationState {
    /// The organisation's id.
    pub organisation: OrganisationId,
    /// Its name in addresses, unique in the installation.
    pub slug: Slug,
    /// Its name for people.
    pub name: String,
    /// The currency of its prices.
    pub currency: Currency,
    /// Where it is based; ISO 3166-1, two letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The time zone of its days; IANA. Publishers before it say nothing, which means UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Whether its shop takes orders of people without an account. Publishers before it say nothing, which means yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guests: Option<bool>,
    /// Whether its shop is open and its people may log in.
    pub active: bool,
    /// Rises by one with each change.
    pub version: i64,
}

channel::state!(OrganisationState on topics::ORGANISATION, keyed by organisation, "auth.organisation.state.v1");

/// A person's place in an organisation. It stays when the person has left, so that older tokens are known to be outdated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MembershipState {
    /// The membership's id.
    pub membership: MembershipId,
    /// The organisation.
    pub organisation: OrganisationId,
    /// The person.
    pub user: UserId,
    /// The names of the person's roles in it.
    pub roles: Vec<String>,
    /// What the roles allow, each as `resource:action`.
    pub permissions: Vec<String>,
    /// False once the person has left or was removed.
    pub active: bool,
    /// Rises by one with each change, also with one of a role that the person has.
    pub version: i64,
}

channel::state!(MembershipState on topics::MEMBERSHIP, keyed by membership, "auth.membership.state.v1");

/// A login that has ended before its access tokens have. It is removed once they have expired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndedSessionState {
    /// The session's id, the `sid` of its tokens.
    pub session: SessionId,
    /// When it ended.
    pub ended_at: Timestamp,
}

channel::state!(EndedSessionState on topics::SESSION, keyed by session, "auth.session.state.v1");

/// A key that a program of an organisation authenticates with. It is removed once no token of it can be valid any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKeyState {
    /// The key's id, the `sub` of its tokens.
    pub key: ApiKeyId,
    /// The organisation that it works for.
    pub organisation: OrganisationId,
    /// SHA-256 of the whole key text, 32 bytes in base64url without padding. The key has 256 random bits, so the hash
    /// tells nothing of it.
    pub hash: String,
    /// What it allows, each as `resource:action`.
    pub permissions: Vec<String>,
    /// The networks that it may be used from, as `address/prefix`; empty: from everywhere.
    pub networks: Vec<String>,
    /// When it ends; none: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

channel::state!(ApiKeyState on topics::API_KEY, keyed by key, "auth.api-key.state.v1");

/// A secret that an event carries to whoever delivers it. It is written into the event and printed nowhere.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct DeliveredToken(String);

impl DeliveredToken {
    /// The secret as its addressee will present it.
    #[must_use]
    pub fn new(token: &str) -> Self {
        Self(token.to_owned())
    }

    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DeliveredToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Somebody is invited to an organisation: whoever delivers it sends the token to the address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvitationIssued {
    /// The invitation.
    pub invitation: InvitationId,
    /// The organisation.
    pub organisation: OrganisationId,
    /// The organisation's name for people.
    pub organisation_name: String,
    /// Where it goes.
    pub email: String,
    /// What accepts the invitation; only the addressee may see it.
    pub token: DeliveredToken,
    /// Until when it can be accepted.
    pub expires_at: Timestamp,
}

channel::facts! {
    /// What happens to invitations.
    pub enum InvitationEvent on topics::INVITATION, keyed by invitation {
        /// It has to be delivered, for the first time or again.
        InvitationIssued = "auth.invitation.issued.v1",
    }
}

/// Somebody asked to choose a new password: whoever delivers it sends the token to the address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PasswordResetRequested {
    /// The person.
    pub user: UserId,
    /// Where it goes.
    pub email: String,
    /// What allows choosing a new password, once; only the addressee may see it.
    pub token: DeliveredToken,
    /// Until when it does.
    pub expires_at: Timestamp,
}

/// The password of an account was changed, which ended its other logins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PasswordChanged {
    /// The person.
    pub user: UserId,
    /// Where the person is told.
    pub email: String,
    /// When the password was changed.
    pub changed_at: Timestamp,
}

/// Passwords were tried at an account again and again, and none was right: at the 10th attempt, the 100th, and so on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoginAttemptsNoticed {
    /// The person.
    pub user: UserId,
    /// Where the person is told.
    pub email: String,
    /// How many wrong passwords were tried since the last right one.
    pub attempts: i64,
    /// When the last of them was tried.
    pub noticed_at: Timestamp,
}

channel::facts! {
    /// What a person has to be told of their account.
    pub enum AccountEvent on topics::ACCOUNT, keyed by user {
        /// A new password was asked for.
        PasswordResetRequested = "auth.account.password-reset-requested.v1",
        /// The password is another one now.
        PasswordChanged = "auth.account.password-changed.v1",
        /// Somebody guesses at the password.
        LoginAttemptsNoticed = "auth.account.login-attempts-noticed.v1",
    }
}

/// A customer of a shop asked to choose a new password: whoever delivers it sends the token to the address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerPasswordResetRequested {
    /// The customer.
    pub customer: CustomerId,
    /// The organisation whose shop it is.
    pub organisation: OrganisationId,
    /// Where it goes.
    pub email: String,
    /// What allows choosing a new password, once; only the addressee may see it.
    pub token: DeliveredToken,
    /// Until when it does.
    pub expires_at: Timestamp,
}

/// The password of a customer's account was changed, which ended its other logins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerPasswordChanged {
    /// The customer.
    pub customer: CustomerId,
    /// The organisation whose shop it is.
    pub organisation: OrganisationId,
    /// Where the customer is told.
    pub email: String,
    /// When the password was changed.
    pub changed_at: Timestamp,
}

/// Passwords were tried at a customer's account again and again, and none was right: at the 10th attempt, the 100th, and so
/// on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerLoginAttemptsNoticed {
    /// The customer.
    pub customer: CustomerId,
    /// The organisation whose shop it is.
    pub organisation: OrganisationId,
    /// Where the customer is told.
    pub email: String,
    /// How many wrong passwords were tried since the last right one.
    pub attempts: i64,
    /// When the last of them was tried.
    pub noticed_at: Timestamp,
}

channel::facts! {
    /// What a customer of a shop has to be told of their account there.
    pub enum CustomerAccountEvent on topics::CUSTOMER_ACCOUNT, keyed by customer {
        /// A new password was asked for.
        CustomerPasswordResetRequested = "auth.customer-account.password-reset-requested.v1",
        /// The password is another one now.
        CustomerPasswordChanged = "auth.customer-account.password-changed.v1",
        /// Somebody guesses at the password.
        CustomerLoginAttemptsNoticed = "auth.customer-account.login-attempts-noticed.v1",
    }
}
