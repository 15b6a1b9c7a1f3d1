//! The API keys of an organisation, without their secrets.

use access::Permission;
use diesel::{ExpressionMethods, QueryDsl, Queryable, Selectable, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::{ApiKeyId, Timestamp};
use mediator::{Query, ReadConn, Tenant};
use uuid::Uuid;

use crate::{
    domain::{ApiKey, Name, role::read_words},
    error::Error,
    schema::api_keys,
};

/// Asks for the latest 1,000 API keys of the organisation, the newest first.
#[derive(Debug, Clone, Copy)]
pub struct ListApiKeys;

#[derive(Queryable, Selectable)]
#[diesel(table_name = api_keys, check_for_backend(diesel::pg::Pg))]
struct Row {
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

impl Query for ListApiKeys {
    const NAME: &'static str = "auth.list-api-keys";
    const REQUIRES: Permission = Permission::ApiKeyManage;
    type Tenancy = Tenant;
    type Reply = Vec<ApiKey>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Self::Reply, Error> {
        let rows: Vec<Row> = api_keys::table
            .filter(api_keys::org_id.eq(read.organisation().uuid()))
            .order(api_keys::key_id.desc())
            .limit(1_000)
            .select(Row::as_select())
            .load(read.connection())
            .await?;
        rows.into_iter().map(Row::key).collect()
    }
}

impl Row {
    fn key(self) -> Result<ApiKey, Error> {
        let id = ApiKeyId::from_uuid(self.key_id);
        Ok(ApiKey {
            id,
            name: Name::parse(&self.name)
                .map_err(|malformed| Error::corrupt(format_args!("API key {id}"), &malformed))?,
            permissions: read_words(&self.permissions),
            networks: self.networks,
            created_by: self.created_by,
            created_at: self.created_at,
            expires_at: self.expires_at,
            last_used_at: self.last_used_at,
            revoked_at: self.revoked_at,
            version: self.version,
        })
    }
}
