//! What an access token says. Written by auth, read by everybody. The rule: a token says everything that its kind of bearer
//! needs, or it is refused.

use std::fmt;
use std::time::Duration;

use kernel::{ApiKeyId, CustomerId, Malformed, MembershipId, OrganisationId, SessionId, Timestamp, TokenId, UserId};
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
    /// The bearer's organisation; an operator's token is for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org: Option<OrganisationId>,
    /// What the bearer may do in it; empty for customers and operators, whose kind says what they may.
    pub scope: Permissions,
    /// A person's or a customer's login.
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

/// Whom a token stands for: `user_…`, `akey_…` or `cust_…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Subject {
    /// A person.
    User(UserId),
    /// A program, by its API key.
    ApiKey(ApiKeyId),
    /// A customer of a shop.
    Customer(CustomerId),
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => user.fmt(formatter),
            Self::ApiKey(key) => key.fmt(formatter),
            Self::Customer(customer) => customer.fmt(formatter),
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
        let customer = |_| text.parse().map(Self::Customer);
        text.parse().map(Self::ApiKey).or_else(customer).or_else(|_| text.parse().map(Self::User))
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
    /// What the bearer may do in its organisation.
    pub permissions: Permissions,
}

/// Whose a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bearer {
    /// A person's, who works for an organisation.
    Person {
        /// The person.
        user: UserId,
        /// The organisation.
        organisation: OrganisationId,
        /// The login and the membership behind it.
        standing: Standing,
    },
    /// A program's.
    Integration {
        /// Its API key.
        key: ApiKeyId,
        /// The organisation that it works for.
        organisation: OrganisationId,
    },
    /// A person's, who runs the installation.
    Operator {
        /// The person.
        user: UserId,
        /// The login.
        session: SessionId,
    },
    /// A customer's, in an organisation's shop.
    Customer {
        /// The customer.
        customer: CustomerId,
        /// The organisation.
        organisation: OrganisationId,
        /// The login.
        session: SessionId,
    },
}

impl Bearer {
    /// The organisation that the bearer is bound to; none for an operator.
    #[must_use]
    pub const fn organisation(&self) -> Option<OrganisationId> {
        match self {
            Self::Person { organisation, .. }
            | Self::Integration { organisation, .. }
            | Self::Customer { organisation, .. } => Some(*organisation),
            Self::Operator { .. } => None,
        }
    }

    /// The `typ` of the bearer's tokens. Customers have one of their own, so that no token of a shop is ever taken for one of
    /// the staff.
    #[must_use]
    pub const fn token_type(&self) -> &'static str {
        match self {
            Self::Person { .. } | Self::Integration { .. } | Self::Operator { .. } => Claims::TYPE,
            Self::Customer { .. } => Claims::CUSTOMER_TYPE,
        }
    }
}

impl Grant {
    /// The caller that the bearer is.
    #[must_use]
    pub fn caller(&self) -> Caller {
        let permissions = self.permissions;
        match self.bearer {
            Bearer::Person { user, organisation, standing } => {
                Caller::Staff { user, organisation, session: standing.session, permissions }
            }
            Bearer::Integration { key, organisation } => Caller::Integration { key, organisation, permissions },
            Bearer::Operator { user, session } => Caller::Operator { user, session },
            Bearer::Customer { customer, organisation, session } => {
                Caller::Customer { customer, organisation, session }
            }
        }
    }
}

impl Claims {
    /// The `typ` in the header of tokens of people and programs (RFC 9068).
    pub const TYPE: &str = "at+jwt";
    /// The `typ` in the header of tokens of customers.
    pub const CUSTOMER_TYPE: &str = "customer+jwt";

    /// The claims of a new token that is valid from `now` for `lifetime`, in whole seconds.
    #[must_use]
    pub fn new(issuer: &str, audience: &str, grant: &Grant, now: Timestamp, lifetime: Duration) -> Self {
        let issued = now.timestamp();
        let (sub, session, standing) = match grant.bearer {
            Bearer::Person { user, standing, .. } => (Subject::User(user), Some(standing.session), Some(standing)),
            Bearer::Integration { key, .. } => (Subject::ApiKey(key), None, None),
            Bearer::Operator { user, session } => (Subject::User(user), Some(session), None),
            Bearer::Customer { customer, session, .. } => (Subject::Customer(customer), Some(session), None),
        };
        Self {
            iss: issuer.to_owned(),
            aud: audience.to_owned(),
            sub,
            org: grant.bearer.organisation(),
            scope: grant.permissions,
            sid: session,
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
        let bearer = match (self.sub, self.org, self.sid, self.mem, self.ver) {
            (Subject::User(user), Some(organisation), Some(session), Some(membership), Some(version)) => {
                Bearer::Person { user, organisation, standing: Standing { session, membership, version } }
            }
            (Subject::User(user), None, Some(session), None, None) => Bearer::Operator { user, session },
            (Subject::ApiKey(key), Some(organisation), None, None, None) => Bearer::Integration { key, organisation },
            (Subject::Customer(customer), Some(organisation), Some(session), None, None) => {
                Bearer::Customer { customer, organisation, session }
            }
            _ => return None,
        };
        let permissions = match bearer {
            Bearer::Person { .. } | Bearer::Integration { .. } => self.scope,
            Bearer::Operator { .. } | Bearer::Customer { .. } => Permissions::NONE,
        };
        Some(Grant { bearer, permissions })
    }
}
