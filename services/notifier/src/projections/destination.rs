//! A destination with its recipient as the domain's value.

use std::str::FromStr;

use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Timestamptz};
use kernel::{DestinationId, Email, Malformed, Timestamp};
use serde_json::Value;
use uuid::Uuid;

use crate::domain::{Destination, DestinationKind, DestinationName, DestinationState, Language, WebhookUrl};
use crate::error::Error;
use crate::schema::destinations;

#[derive(Queryable, Selectable)]
#[diesel(table_name = destinations, check_for_backend(diesel::pg::Pg))]
pub(crate) struct Row {
    id: Uuid,
    kind: String,
    name: String,
    language: String,
    manner: Value,
    state: String,
    reason: Option<String>,
    chat: Option<i64>,
    topic: Option<i64>,
    rules: Value,
    code_expires_at: Option<Timestamp>,
    version: i64,
    created_at: Timestamp,
    changed_at: Timestamp,
}

/// Until when a destination is silent; none where it is not. Its table has more columns than Diesel names.
pub(crate) fn muted_until() -> SqlLiteral<Nullable<Timestamptz>> {
    sql("case when destinations.muted_until > clock_timestamp() then destinations.muted_until end")
}

/// A destination, until when it is silent, and the address of its recipient, which a chat has not.
pub(crate) type Whole = (Row, Option<Timestamp>, Option<String>);

impl Row {
    /// The destination with the rest of it.
    pub(crate) fn with(self, muted_until: Option<Timestamp>, address: Option<&str>) -> Result<Destination, Error> {
        let (id, row) = (DestinationId::from_uuid(self.id), self);
        let kind = word::<DestinationKind>(id, "kind", &row.kind)?;
        let (email, url) = recipient(kind, address).map_err(|error| Error::corrupt(id, error))?;
        Ok(Destination {
            id,
            kind,
            email,
            url,
            muted_until,
            name: DestinationName::parse(&row.name).map_err(|error| Error::corrupt(id, error))?,
            language: word::<Language>(id, "language", &row.language)?,
            manner: serde_json::from_value(row.manner).map_err(|error| Error::corrupt(id, error))?,
            state: word::<DestinationState>(id, "state", &row.state)?,
            reason: row.reason,
            chat: row.chat,
            topic: row.topic,
            rules: serde_json::from_value(row.rules).map_err(|error| Error::corrupt(id, error))?,
            code_expires_at: row.code_expires_at,
            version: row.version,
            created_at: row.created_at,
            changed_at: row.changed_at,
        })
    }
}

/// What an address is to a destination of this kind.
fn recipient(kind: DestinationKind, address: Option<&str>) -> Result<(Option<Email>, Option<WebhookUrl>), Malformed> {
    let address = address.unwrap_or_default();
    Ok(match kind {
        DestinationKind::Telegram => (None, None),
        DestinationKind::Email => (Some(Email::parse(address)?), None),
        DestinationKind::Webhook => (None, Some(WebhookUrl::parse(address)?)),
    })
}

fn word<T: FromStr>(id: DestinationId, column: &str, text: &str) -> Result<T, Error> {
    text.parse().map_err(|_| Error::corrupt(id, format_args!("{column} has the unknown value {text}")))
}
