//! The API keys of an organisation, without their secrets.

use access::Permission;
use diesel::{
    BoolExpressionMethods, ExpressionMethods, NullableExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper,
};
use diesel_async::RunQueryDsl;
use kernel::{ApiKeyId, Clock};
use mediator::{Query, ReadConn, Tenant};

use crate::{domain::ApiKey, error::Error, projections::ApiKeyRow, schema::api_keys};

/// Asks for 1,000 API keys of the organisation: first those that count, of which there are no more, then those that have
/// ended; each the newest first.
#[derive(Debug, Clone, Copy)]
pub struct ListApiKeys;

impl Query for ListApiKeys {
    const NAME: &'static str = "auth.list-api-keys";
    const REQUIRES: Permission = Permission::ApiKeyManage;
    type Tenancy = Tenant;
    type Reply = Vec<ApiKey>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Self::Reply, Error> {
        let expired = api_keys::expires_at.assume_not_null().le(Clock::now());
        let ended = api_keys::revoked_at.is_not_null().or(api_keys::expires_at.is_not_null().and(expired));
        let rows: Vec<ApiKeyRow> = api_keys::table
            .filter(api_keys::org_id.eq(read.organisation().uuid()))
            .order((ended, api_keys::key_id.desc()))
            .limit(1_000)
            .select(ApiKeyRow::as_select())
            .load(read.connection())
            .await?;
        rows.into_iter().map(ApiKey::try_from).collect()
    }
}

/// Asks for one API key of the organisation.
#[derive(Debug, Clone, Copy)]
pub struct FindOwnApiKey {
    /// The key.
    pub key: ApiKeyId,
}

impl Query for FindOwnApiKey {
    const NAME: &'static str = "auth.find-own-api-key";
    const REQUIRES: Permission = Permission::ApiKeyManage;
    type Tenancy = Tenant;
    type Reply = ApiKey;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<ApiKey, Error> {
        let row: Option<ApiKeyRow> = api_keys::table
            .filter(api_keys::org_id.eq(read.organisation().uuid()))
            .filter(api_keys::key_id.eq(self.key.uuid()))
            .select(ApiKeyRow::as_select())
            .get_result(read.connection())
            .await
            .optional()?;
        row.ok_or(Error::UnknownApiKey { key: self.key })?.try_into()
    }
}
