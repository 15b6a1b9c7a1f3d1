//! How an organisation sells from its stock.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::RunQueryDsl;
use kernel::{OrganisationId, Timestamp};
use persistence::AsyncPgConnection;

use crate::domain::serving::{ServingRule, StockSettings};
use crate::error::Error;
use crate::schema::stock_settings;

/// The settings of an organisation; those of the program when it has none of its own.
pub(crate) async fn settings(
    mut connection: &AsyncPgConnection,
    organisation: OrganisationId,
) -> Result<StockSettings, Error> {
    let row: Option<(String, i64, Timestamp)> = stock_settings::table
        .filter(stock_settings::org_id.eq(organisation.uuid()))
        .select((stock_settings::serving_rule, stock_settings::version, stock_settings::updated_at))
        .get_result(&mut connection)
        .await
        .optional()?;
    let Some((rule, version, updated_at)) = row else { return Ok(StockSettings::default()) };
    Ok(StockSettings { serving_rule: rule_of(&rule)?, version, updated_at: Some(updated_at) })
}

/// A rule by its name in the store.
pub(crate) fn rule_of(name: &str) -> Result<ServingRule, Error> {
    kernel::parse_name("serving rule", name).map_err(|cause| Error::corrupt("stock settings", cause))
}
