//! The outbox as a transaction sees it: events wait here, in the order of their aggregates, until the broker has them.
//! The rule: rows are inserted with the change that they tell of.

use contracts::Envelope;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::error::Error;
use crate::statement;

/// An event between a command and the commit.
pub(crate) struct OutboxRow {
    pub(crate) topic: &'static str,
    pub(crate) key: Uuid,
    pub(crate) envelope: Envelope,
    pub(crate) payload: Result<Option<Vec<u8>>, String>,
}

/// Writes the events of one transaction in one statement; the sequence follows the slice.
pub(crate) async fn insert_events(connection: &AsyncPgConnection, rows: &[OutboxRow]) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut headers = Vec::with_capacity(rows.len());
    let mut payloads = Vec::with_capacity(rows.len());
    for row in rows {
        let payload = match &row.payload {
            Ok(Some(bytes)) => Some(std::str::from_utf8(bytes).map_err(|error| format!("it is not UTF-8: {error}"))),
            Ok(None) => None,
            Err(cause) => Some(Err(cause.clone())),
        };
        let payload = payload.transpose().map_err(|cause| {
            Error::Defect(format!("an event of type {} cannot be published: {cause}", row.envelope.event_type))
        })?;
        payloads.push(payload);
        let map: serde_json::Map<String, serde_json::Value> = row
            .envelope
            .to_headers()
            .into_iter()
            .map(|(name, value)| (name.to_owned(), serde_json::Value::String(value)))
            .collect();
        headers.push(serde_json::Value::Object(map).to_string());
    }
    statement(
        "insert into outbox (id, aggregatetype, aggregateid, aggregateversion, type, payload, headers)
         select e.id, e.aggregatetype, e.aggregateid, e.aggregateversion, e.type, e.payload, e.headers
         from unnest($1, $2, $3, $4, $5, $6, $7) with ordinality
           as e(id, aggregatetype, aggregateid, aggregateversion, type, payload, headers, position)
         order by e.position",
    )
    .bind::<Array<SqlUuid>, _>(rows.iter().map(|row| row.envelope.id.uuid()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(rows.iter().map(|row| row.topic).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(rows.iter().map(|row| row.key.to_string()).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(rows.iter().map(|row| row.envelope.aggregate_version).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(rows.iter().map(|row| row.envelope.event_type.as_str()).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(payloads)
    .bind::<Array<Text>, _>(headers)
    .execute(&mut &*connection)
    .await?;
    Ok(())
}
