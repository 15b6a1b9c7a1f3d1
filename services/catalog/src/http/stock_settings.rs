//! How an organisation sells from its stock, for staff.

use rest::{App, Body, IfMatch, Problem, Staff, Tagged};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::commands::stock_settings::ChangeStockSettings;
use crate::domain::serving::{ServingRule, StockSettings};
use crate::queries::stock_settings::FindStockSettings;

/// What is to be different about the settings.
#[derive(Debug, Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeStockSettingsBody {
    /// How the places are chosen that serve an order.
    #[garde(skip)]
    serving_rule: ServingRule,
}

pub(super) async fn find(app: App, by: Staff) -> Result<Tagged<rest::Ok<StockSettings>>, Problem> {
    let settings = app.ask(&by, FindStockSettings).await?;
    Ok(Tagged::version(settings.version, rest::Ok(settings)))
}

pub(super) async fn change(
    app: App,
    by: Staff,
    expected: IfMatch,
    Body(body): Body<ChangeStockSettingsBody>,
) -> Result<Tagged<rest::Ok<StockSettings>>, Problem> {
    let command = ChangeStockSettings { expected: expected.versions(), serving_rule: body.serving_rule };
    let changed = app.send(&by, command).await?;
    Ok(Tagged::version(changed.version, rest::Ok(changed)))
}
