//! A key that a program of an organisation authenticates with. The rule: its text is shown once; afterwards only its hash is
//! known.

use access::{Network, Permissions};
use kernel::{ApiKeyId, Malformed, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Name;
use crate::error::Error;

/// An API key as it is now, without its secret. This is also the resource that HTTP answers with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKey {
    /// What its address and its text have, also after it has ended.
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
    /// From where and until when a key may be used that this one makes. What is not said is as it is here.
    ///
    /// # Errors
    /// `FieldRefused` for a network or an end that goes beyond this key's.
    pub fn bounds(
        &self,
        networks: &[String],
        expires_at: Option<Timestamp>,
    ) -> Result<(Vec<String>, Option<Timestamp>), Error> {
        let parsed = |networks: &[String]| {
            networks.iter().map(|network| network.parse::<Network>()).collect::<Result<Vec<_>, _>>()
        };
        let corrupt = |malformed| Error::corrupt(format_args!("API key {}", self.id), &malformed);
        let (own, wanted) = (parsed(&self.networks).map_err(corrupt)?, parsed(networks).map_err(Error::FieldRefused)?);
        let within = |network: &Network| own.iter().any(|own| own.covers(network));
        if !own.is_empty() && !wanted.iter().all(within) {
            return Err(Error::FieldRefused(Malformed::new(
                "networks",
                "must be within those of the key that makes it",
            )));
        }
        if self.expires_at.zip(expires_at).is_some_and(|(own, wanted)| wanted > own) {
            return Err(Error::FieldRefused(Malformed::new(
                "expires_at",
                "must not be after the key that makes it ends",
            )));
        }
        let networks = if networks.is_empty() { self.networks.clone() } else { networks.to_vec() };
        Ok((networks, expires_at.or(self.expires_at)))
    }

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
