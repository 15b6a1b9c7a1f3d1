//! The API key that a program presents. Until it is found no organisation is known, so the platform asks.

use access::{Permission, Permissions};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, Queryable, Selectable, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::{ApiKeyId, OrganisationId, Timestamp};
use mediator::{Platform, Query, ReadConn};
use uuid::Uuid;

use crate::{
    domain::role::read_words,
    error::Error,
    schema::{api_keys, organisations},
};

/// Asks for a key that was not revoked, of an active organisation.
#[derive(Debug, Clone, Copy)]
pub struct FindApiKey {
    /// The key.
    pub key: ApiKeyId,
}

/// What an exchange needs of a key.
#[derive(Debug, Clone)]
pub struct KnownApiKey {
    /// The organisation that it works for.
    pub organisation: OrganisationId,
    /// SHA-256 of its text.
    pub hash: Vec<u8>,
    /// What it allows.
    pub permissions: Permissions,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = api_keys, check_for_backend(diesel::pg::Pg))]
struct Row {
    org_id: Uuid,
    hash: Vec<u8>,
    permissions: Vec<String>,
    expires_at: Option<Timestamp>,
}

impl Query for FindApiKey {
    const NAME: &'static str = "auth.find-api-key";
    const REQUIRES: Permission = Permission::SignIn;
    type Tenancy = Platform;
    type Reply = Option<KnownApiKey>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_, Platform>) -> Result<Self::Reply, Error> {
        let row: Option<Row> = api_keys::table
            .inner_join(organisations::table)
            .filter(organisations::active)
            .filter(api_keys::key_id.eq(self.key.uuid()))
            .filter(api_keys::revoked_at.is_null())
            .select(Row::as_select())
            .get_result(read.connection())
            .await
            .optional()?;
        Ok(row.map(|row| KnownApiKey {
            organisation: OrganisationId::from_uuid(row.org_id),
            hash: row.hash,
            permissions: read_words(&row.permissions),
            expires_at: row.expires_at,
        }))
    }
}
