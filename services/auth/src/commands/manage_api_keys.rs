//! Makes and revokes API keys, and notes their use.

use std::time::Duration;

use access::{Permission, Permissions};
use kernel::{ApiKeyId, Clock, Malformed, Timestamp};
use mediator::{Command, Platform, Tenant, Tx};

use super::{permitted, withdraw_invitations};
use crate::{
    domain::{ApiKey, Authority, Name, role},
    error::Error,
    published,
    store::{api_keys, memberships},
};

/// The farthest end of a key: ten years.
const LONGEST: Duration = Duration::from_secs(3_653 * 86_400);

/// Makes an API key.
#[derive(Debug, Clone)]
pub struct CreateApiKey {
    /// The id that the key will have.
    pub key: ApiKeyId,
    /// SHA-256 of its text.
    pub hash: [u8; 32],
    /// What people call it.
    pub name: Name,
    /// What it allows.
    pub permissions: Permissions,
    /// The networks that it may be used from; empty: from everywhere.
    pub networks: Vec<String>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// Who does it: nobody grants or takes away more than they may do themselves.
    pub by: Authority,
}

impl Command for CreateApiKey {
    const NAME: &'static str = "auth.create-api-key";
    const REQUIRES: Permission = Permission::ApiKeyManage;
    type Tenancy = Tenant;
    type Reply = ApiKey;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<ApiKey, Error> {
        memberships::lock(tx).await?;
        let by = permitted(tx, self.by, Self::REQUIRES).await?;
        role::check_grant(self.permissions, by)?;
        let now = Clock::now();
        if self.expires_at.is_some_and(|end| end <= now) {
            return Err(Error::FieldRefused(Malformed::new("expires_at", "must be in the future")));
        }
        if self.expires_at.is_some_and(|end| end > now + LONGEST) {
            return Err(Error::FieldRefused(Malformed::new("expires_at", "must be at most ten years ahead")));
        }
        let (networks, expires_at) = match self.by {
            Authority::Key(maker) => api_keys::lock(tx, maker).await?.key.bounds(&self.networks, self.expires_at)?,
            Authority::Member(_) | Authority::System => (self.networks.clone(), self.expires_at),
        };
        let key = ApiKey {
            id: self.key,
            name: self.name.clone(),
            permissions: self.permissions,
            networks,
            created_by: tx.provenance().actor.clone(),
            created_at: now,
            expires_at,
            last_used_at: None,
            revoked_at: None,
            version: 1,
        };
        api_keys::insert(tx, &key, &self.hash).await?;
        tx.record(key.version, published::api_key(tx.organisation(), &key, &self.hash));
        Ok(key)
    }
}

/// Revokes an API key and all that it has made, since whoever has a leaked key may have made others with it. Whoever may
/// manage keys may revoke any of them, so that it can be stopped at once.
#[derive(Debug, Clone)]
pub struct RevokeApiKey {
    /// The key.
    pub key: ApiKeyId,
    /// Who does it.
    pub by: Authority,
}

impl Command for RevokeApiKey {
    const NAME: &'static str = "auth.revoke-api-key";
    const REQUIRES: Permission = Permission::ApiKeyManage;
    type Tenancy = Tenant;
    type Reply = ApiKey;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<ApiKey, Error> {
        memberships::lock(tx).await?;
        permitted(tx, self.by, Self::REQUIRES).await?;
        let revoked = revoke(tx, self.key).await?;
        let mut made = api_keys::made_by(tx, self.key).await?;
        while let Some(key) = made.pop() {
            revoke(tx, key).await?;
            made.extend(api_keys::made_by(tx, key).await?);
        }
        Ok(revoked)
    }
}

async fn revoke(tx: &mut Tx<'_>, key: ApiKeyId) -> Result<ApiKey, Error> {
    let api_keys::Locked { key, hash, withdrawn } = api_keys::lock(tx, key).await?;
    let key = key.revoked(Clock::now())?;
    api_keys::save_revoked(tx, &key).await?;
    withdraw_invitations(tx, &key.id.to_string(), Permissions::NONE).await?;
    // No gateway knows one that has expired long ago, and none shall be told of it again.
    if !withdrawn {
        tx.record(key.version, published::api_key(tx.organisation(), &key, &hash));
    }
    Ok(key)
}

/// Notes that an API key was exchanged for an access token.
#[derive(Debug, Clone)]
pub struct NoteApiKeyUse {
    /// The key.
    pub key: ApiKeyId,
}

impl Command for NoteApiKeyUse {
    const NAME: &'static str = "auth.note-api-key-use";
    const REQUIRES: Permission = Permission::SignIn;
    type Tenancy = Platform;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<(), Error> {
        api_keys::note_use(tx, self.key, Clock::now()).await
    }
}

/// Takes keys back from the gateways that were revoked or have expired long ago, so that they need not remember them for
/// ever. Replies how many; when it is the limit, there may be more.
#[derive(Debug, Clone)]
pub struct WithdrawApiKeys {
    /// How long after its end a key is still known: the life of an access token and a margin.
    pub kept: Duration,
}

/// The most keys of one transaction.
const LIMIT: i64 = 500;

impl WithdrawApiKeys {
    /// Whether there may be more after this many were withdrawn.
    #[must_use]
    pub fn leaves_more(withdrawn: usize) -> bool {
        i64::try_from(withdrawn).is_ok_and(|withdrawn| withdrawn >= LIMIT)
    }
}

impl Command for WithdrawApiKeys {
    const NAME: &'static str = "auth.withdraw-api-keys";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Platform;
    type Reply = usize;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Platform>) -> Result<usize, Error> {
        let withdrawn = api_keys::withdraw(tx, Clock::now() - self.kept, LIMIT).await?;
        for (organisation, key, version) in &withdrawn {
            tx.record_removal(*version, &published::withdrawn_api_key(*organisation, *key));
        }
        Ok(withdrawn.len())
    }
}
