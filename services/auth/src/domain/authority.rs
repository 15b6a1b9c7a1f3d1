//! On whose behalf an organisation's people, roles and keys are changed.
//! The rule: what they may is looked up when the change is made, not taken from a token that may be older.

use access::Caller;
use kernel::{ApiKeyId, UserId};

/// Who changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority {
    /// A member.
    Member(UserId),
    /// A program, by its API key.
    Key(ApiKeyId),
    /// The installation itself.
    System,
}

impl Authority {
    /// The authority of a caller; none of a visitor, a shopper or an operator, who may change nothing here.
    #[must_use]
    pub fn of(caller: &Caller) -> Option<Self> {
        match caller {
            Caller::Staff { user, .. } => Some(Self::Member(*user)),
            Caller::Integration { key, .. } => Some(Self::Key(*key)),
            Caller::System { .. } => Some(Self::System),
            Caller::Operator { .. } | Caller::Customer { .. } | Caller::Shopper { .. } | Caller::Visitor => None,
        }
    }
}
