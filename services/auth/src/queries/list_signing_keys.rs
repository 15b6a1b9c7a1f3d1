//! The public halves of the signing keys. The private halves are of use to the keeper only, which gets them from the
//! command that tends the keys.

use access::Permission;
use diesel::QueryDsl;
use diesel_async::RunQueryDsl;
use kernel::KeyId;
use mediator::{Platform, Query, ReadConn};
use uuid::Uuid;

use crate::{error::Error, schema::signing_keys};

/// Asks for the public keys that verify access tokens, in the order in which they sign.
#[derive(Debug, Clone, Copy)]
pub struct ListSigningKeys;

/// A key that verifies access tokens.
#[derive(Debug, Clone)]
pub struct PublicKey {
    /// Derived from the RFC 7638 thumbprint.
    pub kid: KeyId,
    /// The bytes of the Ed25519 key.
    pub bytes: Vec<u8>,
}

impl Query for ListSigningKeys {
    const NAME: &'static str = "auth.list-signing-keys";
    const REQUIRES: Permission = Permission::SignIn;
    type Tenancy = Platform;
    type Reply = Vec<PublicKey>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_, Platform>) -> Result<Vec<PublicKey>, Error> {
        let rows: Vec<(Uuid, Vec<u8>)> = signing_keys::table
            .order(signing_keys::signs_from)
            .select((signing_keys::key_id, signing_keys::public_key))
            .load(read.connection())
            .await?;
        Ok(rows.into_iter().map(|(kid, bytes)| PublicKey { kid: KeyId::from_uuid(kid), bytes }).collect())
    }
}
