//! The API keys of an organisation, without their secrets.

use access::Permission;
use diesel::{ExpressionMethods, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use mediator::{Query, ReadConn, Tenant};

use crate::{domain::ApiKey, error::Error, rows::ApiKeyRow, schema::api_keys};

/// Asks for the latest 1,000 API keys of the organisation, the newest first.
#[derive(Debug, Clone, Copy)]
pub struct ListApiKeys;

impl Query for ListApiKeys {
    const NAME: &'static str = "auth.list-api-keys";
    const REQUIRES: Permission = Permission::ApiKeyManage;
    type Tenancy = Tenant;
    type Reply = Vec<ApiKey>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Self::Reply, Error> {
        let rows: Vec<ApiKeyRow> = api_keys::table
            .filter(api_keys::org_id.eq(read.organisation().uuid()))
            .order(api_keys::key_id.desc())
            .limit(1_000)
            .select(ApiKeyRow::as_select())
            .load(read.connection())
            .await?;
        rows.into_iter().map(ApiKey::try_from).collect()
    }
}
