//! Recorded replies: what a create answered, under the caller's idempotency key.
//! The rule: the reply commits with its effects; a repeat gets the same bytes and no second effect.

use std::collections::HashSet;

use diesel::sql_types::{Array, BigInt, Binary, Nullable, Text, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use kernel::OrganisationId;

use crate::error::Error;
use crate::tenancy::Tenancy;

/// What a repeat is recognised by, within one tenancy.
#[derive(Clone, Debug)]
pub struct ReplayKey {
    /// Who asks, as in `access::Caller::actor`.
    pub principal: String,
    /// The command's name.
    pub operation: String,
    /// The value of the `Idempotency-Key` header, 1 to 255 characters.
    pub idempotency_key: String,
    /// SHA-256 of the request, so that another request under the same key is noticed.
    pub request_digest: [u8; 32],
}

impl ReplayKey {
    /// Whether this is the same key, whatever was asked for under it.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        (&self.principal, &self.operation, &self.idempotency_key)
            == (&other.principal, &other.operation, &other.idempotency_key)
    }
}

/// A reply as it was sent, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedReply(pub Vec<u8>);

#[derive(QueryableByName)]
struct ReplyRow {
    #[diesel(sql_type = Binary)]
    request_digest: Vec<u8>,
    #[diesel(sql_type = Binary)]
    body: Vec<u8>,
}

pub(crate) async fn insert_replies(
    connection: &AsyncPgConnection,
    replies: &[(Option<OrganisationId>, &ReplayKey, RecordedReply)],
) -> Result<(), Error> {
    let keys = || replies.iter().map(|(_, key, _)| *key);
    crate::statement(
        "insert into replays (org_id, principal, operation, idempotency_key, request_digest, body)
         select * from unnest($1, $2, $3, $4, $5, $6)
         order by 1, 2, 3, 4",
    )
    .bind::<Array<Nullable<SqlUuid>>, _>(
        replies.iter().map(|(organisation, ..)| organisation.map(OrganisationId::uuid)).collect::<Vec<_>>(),
    )
    .bind::<Array<Text>, _>(keys().map(|key| key.principal.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(keys().map(|key| key.operation.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(keys().map(|key| key.idempotency_key.as_str()).collect::<Vec<_>>())
    .bind::<Array<Binary>, _>(keys().map(|key| key.request_digest.to_vec()).collect::<Vec<_>>())
    .bind::<Array<Binary>, _>(replies.iter().map(|(_, _, reply)| reply.0.clone()).collect::<Vec<_>>())
    .execute(&mut &*connection)
    .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct PositionRow {
    #[diesel(sql_type = BigInt)]
    position: i64,
}

/// The positions of those keys that were used before.
pub(crate) async fn select_replayed(
    connection: &AsyncPgConnection,
    keys: &[(OrganisationId, &ReplayKey)],
) -> Result<HashSet<usize>, Error> {
    let rows: Vec<PositionRow> = crate::statement(
        "select k.position
         from unnest($1, $2, $3, $4) with ordinality as k(org_id, principal, operation, idempotency_key, position)
         join replays r on r.org_id = k.org_id and r.principal = k.principal and r.operation = k.operation
                       and r.idempotency_key = k.idempotency_key",
    )
    .bind::<Array<SqlUuid>, _>(keys.iter().map(|(organisation, _)| organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(keys.iter().map(|(_, key)| key.principal.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(keys.iter().map(|(_, key)| key.operation.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(keys.iter().map(|(_, key)| key.idempotency_key.as_str()).collect::<Vec<_>>())
    .load(&mut &*connection)
    .await?;
    Ok(rows.into_iter().filter_map(|row| usize::try_from(row.position - 1).ok()).collect())
}

pub(crate) async fn select_reply(
    connection: &AsyncPgConnection,
    tenancy: &impl Tenancy,
    key: &ReplayKey,
) -> Result<Option<(RecordedReply, bool)>, Error> {
    // Two texts, since no index serves `is not distinct from`.
    let sql = match tenancy.organisation_id() {
        Some(_) => {
            "select request_digest, body from replays
             where org_id = $1 and principal = $2 and operation = $3 and idempotency_key = $4"
        }
        None => {
            "select request_digest, body from replays
             where org_id is null and $1::uuid is null and principal = $2 and operation = $3 and idempotency_key = $4"
        }
    };
    let row: Option<ReplyRow> = crate::statement(sql)
        .bind::<Nullable<SqlUuid>, _>(tenancy.organisation_id().map(|organisation| organisation.uuid()))
        .bind::<Text, _>(&key.principal)
        .bind::<Text, _>(&key.operation)
        .bind::<Text, _>(&key.idempotency_key)
        .get_result(&mut &*connection)
        .await
        .optional()?;
    Ok(row.map(|row| (RecordedReply(row.body), row.request_digest == key.request_digest)))
}
