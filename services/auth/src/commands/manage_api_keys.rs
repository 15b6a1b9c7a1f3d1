//! Makes and revokes API keys, and notes their use.

use access::{Permission, Permissions};
use kernel::{ApiKeyId, Clock, Timestamp};
use mediator::{Command, Platform, Tenant, Tx};

use crate::{
    domain::{ApiKey, Name, role},
    error::Error,
    published,
    store::api_keys,
};

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
    /// What the caller may do: nobody makes a key that allows more.
    pub by: Permissions,
}

impl Command for CreateApiKey {
    const NAME: &'static str = "auth.create-api-key";
    const REQUIRES: Permission = Permission::ApiKeyManage;
    type Tenancy = Tenant;
    type Reply = ApiKey;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<ApiKey, Error> {
        role::check_grant(self.permissions, self.by)?;
        let key = ApiKey {
            id: self.key,
            name: self.name.clone(),
            permissions: self.permissions,
            networks: self.networks.clone(),
            created_by: tx.provenance().actor.clone(),
            created_at: Clock::now(),
            expires_at: self.expires_at,
            last_used_at: None,
            revoked_at: None,
            version: 1,
        };
        api_keys::insert(tx, &key, &self.hash).await?;
        tx.record(key.version, published::api_key(tx.organisation(), &key, &self.hash));
        Ok(key)
    }
}

/// Revokes an API key.
#[derive(Debug, Clone)]
pub struct RevokeApiKey {
    /// The key.
    pub key: ApiKeyId,
}

impl Command for RevokeApiKey {
    const NAME: &'static str = "auth.revoke-api-key";
    const REQUIRES: Permission = Permission::ApiKeyManage;
    type Tenancy = Tenant;
    type Reply = ApiKey;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<ApiKey, Error> {
        let (key, hash) = api_keys::lock(tx, self.key).await?;
        let key = key.revoked(Clock::now())?;
        api_keys::save_revoked(tx, &key).await?;
        tx.record(key.version, published::api_key(tx.organisation(), &key, &hash));
        Ok(key)
    }
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
