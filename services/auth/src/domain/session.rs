//! A login: one refresh token is valid at a time, and each use replaces it.
//! The rules: a token that was replaced long ago ends the login, since two hold it then; two uses at the same moment get the
//! same successor; a login ends by itself when it is not used, and at the latest after its whole life.

use std::time::Duration;

use kernel::{CustomerId, OrganisationId, Secret, SessionId, Timestamp, UserId};
use uuid::Uuid;

/// How long after its replacement a refresh token still leads to the same successor: the client may have lost the answer,
/// or two of its parts may have asked at once.
pub const GRACE: Duration = Duration::from_secs(20);

/// How long logins last.
#[derive(Debug, Clone, Copy)]
pub struct SessionLife {
    /// Without a use.
    pub idle: Duration,
    /// In all.
    pub whole: Duration,
}

/// Whose a login is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// A person's, for one of the organisations that the person works for.
    Person(UserId, OrganisationId),
    /// A person's, who runs the installation.
    Operator(UserId),
    /// A customer's, in an organisation's shop.
    Customer(CustomerId, OrganisationId),
}

impl Holder {
    /// The holder of a stored login; none when the three do not fit together.
    #[must_use]
    pub fn stored(
        user: Option<UserId>,
        customer: Option<CustomerId>,
        organisation: Option<OrganisationId>,
    ) -> Option<Self> {
        match (user, customer, organisation) {
            (Some(user), None, Some(organisation)) => Some(Self::Person(user, organisation)),
            (Some(user), None, None) => Some(Self::Operator(user)),
            (None, Some(customer), Some(organisation)) => Some(Self::Customer(customer, organisation)),
            _ => None,
        }
    }

    /// The organisation that the login's next access token is for.
    #[must_use]
    pub fn organisation(self) -> Option<OrganisationId> {
        match self {
            Self::Person(_, organisation) | Self::Customer(_, organisation) => Some(organisation),
            Self::Operator(_) => None,
        }
    }

    /// The account that the login is to.
    #[must_use]
    pub fn account(self) -> AccountId {
        match self {
            Self::Person(user, _) | Self::Operator(user) => AccountId::Person(user),
            Self::Customer(customer, organisation) => AccountId::Customer(customer, organisation),
        }
    }
}

/// What somebody logs in to: an account with an address and a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountId {
    /// A person's.
    Person(UserId),
    /// A customer's, in an organisation's shop.
    Customer(CustomerId, OrganisationId),
}

impl AccountId {
    /// Its identity, which no other account has, whichever kind.
    #[must_use]
    pub fn uuid(self) -> Uuid {
        match self {
            Self::Person(user) => user.uuid(),
            Self::Customer(customer, _) => customer.uuid(),
        }
    }
}

/// What whoever has an account is told at the account's address.
#[derive(Debug, Clone)]
pub enum Notice {
    /// A new password was asked for: the token that allows choosing it, and when it ends.
    PasswordReset(Secret, Timestamp),
    /// The password is another one now.
    PasswordChanged,
    /// So many wrong passwords were tried since the last right one.
    Attempts(i64),
}

/// A login as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// What the access and refresh tokens of the login have in common.
    pub id: SessionId,
    /// Whose it is, and which organisation its next access token is for.
    pub holder: Holder,
    /// SHA-256 of the refresh token that is valid.
    pub refresh_hash: [u8; 32],
    /// How often the refresh token was replaced.
    pub generation: i32,
    /// When it was replaced last.
    pub rotated_at: Timestamp,
    /// When the login was used last.
    pub last_used_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// When it was ended.
    pub ended_at: Option<Timestamp>,
}

/// Which sessions of a person are meant.
#[derive(Debug, Clone, Copy)]
pub enum Meant {
    /// This one.
    One(SessionId),
    /// All but this one.
    Others(SessionId),
    /// All.
    All,
}

/// What a refresh token is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    /// It is the valid one and is replaced now.
    Current,
    /// It was replaced a moment ago; its holder gets the successor once more.
    JustReplaced,
    /// It is not the valid one. Whether it ever was is for the caller to find out.
    NotCurrent,
    /// The login is over.
    Over,
}

impl Session {
    /// What the token with this hash is worth; `successor` is the hash of the token that replaces it.
    #[must_use]
    pub fn worth(&self, presented: &[u8; 32], successor: &[u8; 32], life: SessionLife, now: Timestamp) -> Worth {
        let over = self.ended_at.is_some() || self.expires_at <= now || self.last_used_at + life.idle <= now;
        if over {
            Worth::Over
        } else if self.refresh_hash == *presented {
            Worth::Current
        } else if self.refresh_hash == *successor && now < self.rotated_at + GRACE {
            Worth::JustReplaced
        } else {
            Worth::NotCurrent
        }
    }

    /// The session after its token was replaced by this one.
    #[must_use]
    pub fn rotated(self, successor: [u8; 32], now: Timestamp) -> Self {
        let generation = self.generation.saturating_add(1);
        Self { refresh_hash: successor, generation, rotated_at: now, last_used_at: now, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFE: SessionLife = SessionLife { idle: Duration::from_secs(1_000), whole: Duration::from_secs(5_000) };
    const A: [u8; 32] = [1; 32];
    const B: [u8; 32] = [2; 32];
    const C: [u8; 32] = [3; 32];

    fn session(now: Timestamp) -> Session {
        Session {
            id: SessionId::new(),
            holder: Holder::Operator(UserId::new()),
            refresh_hash: A,
            generation: 0,
            rotated_at: now,
            last_used_at: now,
            expires_at: now + LIFE.whole,
            ended_at: None,
        }
    }

    #[test]
    fn a_token_is_worth_one_use_and_the_same_successor_for_a_moment() {
        let now = kernel::Clock::now();
        let session = session(now);
        assert_eq!(session.worth(&A, &B, LIFE, now), Worth::Current);
        let next = session.rotated(B, now);
        assert_eq!(next.generation, 1);
        assert_eq!(next.worth(&B, &C, LIFE, now), Worth::Current);
        assert_eq!(next.worth(&A, &B, LIFE, now + Duration::from_secs(19)), Worth::JustReplaced);
        assert_eq!(next.worth(&A, &B, LIFE, now + GRACE), Worth::NotCurrent);
        let later = next.rotated(C, now);
        assert_eq!(later.worth(&A, &B, LIFE, now), Worth::NotCurrent, "the one before the last is no excuse");
    }

    #[test]
    fn a_login_is_over_when_it_was_ended_or_not_used_or_has_lasted() {
        let now = kernel::Clock::now();
        let session = session(now);
        assert_eq!(session.worth(&A, &B, LIFE, now + LIFE.idle), Worth::Over);
        let used = Session { last_used_at: now + Duration::from_secs(4_500), ..session.clone() };
        assert_eq!(used.worth(&A, &B, LIFE, now + Duration::from_secs(4_999)), Worth::Current);
        assert_eq!(used.worth(&A, &B, LIFE, now + LIFE.whole), Worth::Over);
        let ended = Session { ended_at: Some(now), ..session };
        assert_eq!(ended.worth(&A, &B, LIFE, now), Worth::Over);
    }
}
