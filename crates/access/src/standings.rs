//! What has changed since tokens were issued, as auth's compacted topics have it: sessions that ended, and the versions of
//! memberships. The rule: a token that is older than what is known here does not count, so a change of roles need not
//! wait until the token expires.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use kernel::{MembershipId, SessionId};

use crate::{Rejection, Standing};

/// The ended sessions and the memberships; clones share them.
#[derive(Clone, Default)]
pub struct Standings(Arc<RwLock<Table>>);

#[derive(Default)]
struct Table {
    ended: HashSet<SessionId>,
    memberships: HashMap<MembershipId, Membership>,
}

#[derive(Clone, Copy)]
struct Membership {
    version: i64,
    active: bool,
}

impl Standings {
    /// Nothing has ended and nothing has changed.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A session has ended: its tokens are refused from now on.
    pub fn end(&self, session: SessionId) {
        self.change(|table| table.ended.insert(session));
    }

    /// Forgets an ended session, once every token of it has expired.
    pub fn forget(&self, session: SessionId) {
        self.change(|table| table.ended.remove(&session));
    }

    /// A membership is in this version. An older version than the known one changes nothing.
    pub fn apply(&self, membership: MembershipId, version: i64, active: bool) {
        self.change(|table| {
            let known = table.memberships.entry(membership).or_insert(Membership { version, active });
            if known.version <= version {
                *known = Membership { version, active };
            }
        });
    }

    /// Whether a token of this session still counts, where no membership is behind it.
    ///
    /// # Errors
    /// [`Rejection::SessionEnded`].
    pub fn check_session(&self, session: SessionId) -> Result<(), Rejection> {
        let table = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if table.ended.contains(&session) { Err(Rejection::SessionEnded) } else { Ok(()) }
    }

    /// Whether a token with this standing still counts. A membership that is not known here is newer than what was read,
    /// so its token counts.
    ///
    /// # Errors
    /// [`Rejection::SessionEnded`] and [`Rejection::Outdated`].
    pub fn check(&self, standing: &Standing) -> Result<(), Rejection> {
        let table = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if table.ended.contains(&standing.session) {
            return Err(Rejection::SessionEnded);
        }
        match table.memberships.get(&standing.membership) {
            Some(known) if known.version > standing.version => Err(Rejection::Outdated),
            Some(known) if known.version == standing.version && !known.active => Err(Rejection::Outdated),
            _ => Ok(()),
        }
    }

    // Nothing panics while it holds the lock: a poisoned lock is still good.
    fn change<T>(&self, change: impl FnOnce(&mut Table) -> T) {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl fmt::Debug for Standings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (ended, memberships) = (table.ended.len(), table.memberships.len());
        formatter.debug_struct("Standings").field("ended", &ended).field("memberships", &memberships).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(version: i64) -> Standing {
        Standing { session: SessionId::new(), membership: MembershipId::new(), version }
    }

    #[test]
    fn a_token_of_an_ended_session_does_not_count_until_it_is_forgotten() {
        let standings = Standings::new();
        let (one, other) = (standing(1), standing(1));
        standings.clone().end(one.session);
        assert_eq!(standings.check(&one), Err(Rejection::SessionEnded));
        assert_eq!(standings.check(&other), Ok(()));
        assert_eq!(standings.check_session(one.session), Err(Rejection::SessionEnded));
        assert_eq!(standings.check_session(other.session), Ok(()));
        standings.forget(one.session);
        assert_eq!(standings.check(&one), Ok(()));
    }

    #[test]
    fn a_token_counts_for_the_version_of_its_membership_and_a_later_one() {
        let standings = Standings::new();
        let token = standing(3);
        assert_eq!(standings.check(&token), Ok(()), "the token came before the topic's record");
        for (version, active, expected) in [
            (2, false, Ok(())),
            (3, true, Ok(())),
            (4, true, Err(Rejection::Outdated)),
            (3, true, Err(Rejection::Outdated)),
        ] {
            standings.apply(token.membership, version, active);
            assert_eq!(standings.check(&token), expected, "version {version}");
        }
        let newer = Standing { version: 4, ..token };
        assert_eq!(standings.check(&newer), Ok(()));
        standings.apply(token.membership, 5, false);
        assert_eq!(standings.check(&newer), Err(Rejection::Outdated));
        assert_eq!(standings.check(&Standing { version: 5, ..token }), Err(Rejection::Outdated), "it has ended");
    }
}
