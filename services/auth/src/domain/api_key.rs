//! A key that a program of an organisation authenticates with. The rule: its text is shown once; afterwards only its hash is
//! known.

use access::Permissions;
use kernel::{ApiKeyId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Name;
use crate::error::Error;

/// An API key as it is now, without its secret. This is also the resource that HTTP answers with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKey {
    /// Its identity.
    pub id: ApiKeyId,
    /// What people call it.
    pub name: Name,
    /// What it allows, each as `resource:action`.
    #[serde(with = "words")]
    #[schemars(with = "Vec<String>")]
    pub permissions: Permissions,
    /// The networks that it may be used from; empty: from everywhere.
    pub networks: Vec<String>,
    /// Who made it: a member, or an API key.
    pub created_by: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was exchanged for an access token last, which a program in use does every ten minutes.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// Rises by one with every change.
    pub version: i64,
}

impl ApiKey {
    /// The key, revoked.
    ///
    /// # Errors
    /// `ApiKeyOver` when it was revoked before.
    pub fn revoked(self, now: Timestamp) -> Result<Self, Error> {
        if self.revoked_at.is_some() {
            return Err(Error::ApiKeyOver { key: self.id });
        }
        Ok(Self { revoked_at: Some(now), version: self.version + 1, ..self })
    }
}

/// Permissions as a list of words.
mod words {
    use access::{Permission, Permissions};
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(permissions: &Permissions, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(permissions.iter().map(|permission| permission.to_string()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Permissions, D::Error> {
        let words = Vec::<String>::deserialize(deserializer)?;
        words.iter().map(|word| Permission::parse(word)).collect::<Result<_, _>>().map_err(de::Error::custom)
    }
}
