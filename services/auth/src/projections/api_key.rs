//! The row of an API key, without its hash.

use diesel::{Queryable, Selectable};
use kernel::{ApiKeyId, Malformed, Timestamp};
use uuid::Uuid;

use crate::{
    domain::{ApiKey, Name, role::read_words},
    error::Error,
    schema::api_keys,
};

/// An API key as it is stored.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = api_keys, check_for_backend(diesel::pg::Pg))]
pub struct ApiKeyRow {
    key_id: Uuid,
    name: String,
    permissions: Vec<String>,
    networks: Vec<String>,
    created_by: String,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    last_used_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    version: i64,
}

impl TryFrom<ApiKeyRow> for ApiKey {
    type Error = Error;

    fn try_from(row: ApiKeyRow) -> Result<Self, Error> {
        let id = ApiKeyId::from_uuid(row.key_id);
        let corrupt = |malformed: Malformed| Error::corrupt(format_args!("API key {id}"), &malformed);
        Ok(Self {
            id,
            name: Name::parse(&row.name).map_err(corrupt)?,
            permissions: read_words(&row.permissions),
            networks: row.networks,
            created_by: row.created_by,
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
            revoked_at: row.revoked_at,
            version: row.version,
        })
    }
}
