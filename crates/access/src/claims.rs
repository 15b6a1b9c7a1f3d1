//! What an access token says. Written by auth, read by everybody. The rule: a token says everything that its kind of bearer
//! needs, or it is refused.

use std::fmt;
use std::time::Duration;

use kernel::{ApiKeyId, Malformed, MembershipId, OrganisationId, SessionId, Timestamp, TokenId, UserId};
use serde::{Deserialize, Serialize};

use crate::{Caller, Permissions};

/// The claims of an access token. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who issued it.
    pub iss: String,
    /// The installation that it is for.
    pub aud: String,
    /// Its bearer.
    pub sub: Subject,
    /// The bearer's organisation.
    pub org: OrganisationId,
    /// What the bearer may do in it.
    pub scope: Permissions,
    /// A person's login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<SessionId>,
    /// A person's place in the organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mem: Option<MembershipId>,
    /// The version of that membership which `scope` is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ver: Option<i64>,
    /// When it was issued.
    pub iat: i64,
    /// The moment from which it is valid.
    pub nbf: i64,
    /// When it expires.
    pub exp: i64,
    /// The token's own id.
    pub jti: TokenId,
}

/// Whom a token stands for: `user_…` or `akey_…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Subject {
    /// A person.
    User(UserId),
    /// A program, by its API key.
    ApiKey(ApiKeyId),
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => user.fmt(formatter),
            Self::ApiKey(key) => key.fmt(formatter),
        }
    }
}

impl From<Subject> for String {
    fn from(subject: Subject) -> Self {
        subject.to_string()
    }
}

impl TryFrom<String> for Subject {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        text.parse().map(Self::ApiKey).or_else(|_| text.parse().map(Self::User))
    }
}

/// The login and the membership that a person's token was issued for. A token whose session has ended, or whose
/// membership has changed since, no longer counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The login.
    pub session: SessionId,
    /// The person's place in the organisation.
    pub membership: MembershipId,
    /// The version of the membership which the permissions are from.
    pub version: i64,
}

/// What auth puts into a token: whose it is and what it allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// The bearer.
    pub bearer: Bearer,
    /// The bearer's organisation.
    pub organisation: OrganisationId,
    /// What the bearer may do in it.
    pub permissions: Permissions,
}

/// Whose a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bearer {
    /// A person's.
    Person {
        /// The person.
        user: UserId,
        /// The login and the membership behind it.
        standing: Standing,
    },
    /// A program's.
    Integration(ApiKeyId),
}

impl Grant {
    /// The caller that the bearer is.
    #[must_use]
    pub fn caller(&self) -> Caller {
        let Self { organisation, permissions, .. } = *self;
        match self.bearer {
            Bearer::Person { user, standing } => {
                Caller::Staff { user, organisation, session: standing.session, permissions }
            }
            Bearer::Integration(key) => Caller::Integration { key, organisation, permissions },
        }
    }
}

impl Claims {
    /// The `typ` that the header of every token has (RFC 9068).
    pub const TYPE: &str = "at+jwt";

    /// The claims of a new token that is valid from `now` for `lifetime`, in whole seconds.
    #[must_use]
    pub fn new(issuer: &str, audience: &str, grant: &Grant, now: Timestamp, lifetime: Duration) -> Self {
        let issued = now.timestamp();
        let (sub, standing) = match grant.bearer {
            Bearer::Person { user, standing } => (Subject::User(user), Some(standing)),
            Bearer::Integration(key) => (Subject::ApiKey(key), None),
        };
        Self {
            iss: issuer.to_owned(),
            aud: audience.to_owned(),
            sub,
            org: grant.organisation,
            scope: grant.permissions,
            sid: standing.map(|standing| standing.session),
            mem: standing.map(|standing| standing.membership),
            ver: standing.map(|standing| standing.version),
            iat: issued,
            nbf: issued,
            exp: issued.saturating_add_unsigned(lifetime.as_secs()),
            jti: TokenId::new(),
        }
    }

    /// What the token grants; `None` when it lacks a claim of its kind of bearer, or has one of the other kind.
    #[must_use]
    pub fn grant(&self) -> Option<Grant> {
        let bearer = match (self.sub, self.sid, self.mem, self.ver) {
            (Subject::User(user), Some(session), Some(membership), Some(version)) => {
                Bearer::Person { user, standing: Standing { session, membership, version } }
            }
            (Subject::ApiKey(key), None, None, None) => Bearer::Integration(key),
            _ => return None,
        };
        Some(Grant { bearer, organisation: self.org, permissions: self.scope })
    }
}
