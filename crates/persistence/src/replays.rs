//! Recorded replies: what a create answered, under the caller's idempotency key.
//! The rule: the reply commits with its effects; a repeat gets the same bytes and no second effect.

use diesel::sql_types::{Binary, Nullable, SmallInt, Text, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use kernel::OrganisationId;

use crate::error::Error;
use crate::transaction::ReadConn;

/// What a repeat is recognised by, within one organisation.
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

/// A reply as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedReply {
    /// HTTP status, 200 to 299.
    pub status: u16,
    /// The `Location` header, where there was one.
    pub location: Option<String>,
    /// The body, byte for byte.
    pub body: Vec<u8>,
}

#[derive(QueryableByName)]
struct ReplyRow {
    #[diesel(sql_type = Binary)]
    request_digest: Vec<u8>,
    #[diesel(sql_type = SmallInt)]
    status: i16,
    #[diesel(sql_type = Nullable<Text>)]
    location: Option<String>,
    #[diesel(sql_type = Binary)]
    body: Vec<u8>,
}

pub(crate) async fn insert_reply(
    connection: &AsyncPgConnection,
    organisation: OrganisationId,
    key: &ReplayKey,
    reply: &RecordedReply,
) -> Result<(), Error> {
    let status =
        i16::try_from(reply.status).map_err(|_| Error::Defect(format!("{} is not an HTTP status", reply.status)))?;
    crate::statement(
        "insert into replays (org_id, principal, operation, idempotency_key, request_digest, status, location, body)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind::<SqlUuid, _>(organisation.uuid())
    .bind::<Text, _>(&key.principal)
    .bind::<Text, _>(&key.operation)
    .bind::<Text, _>(&key.idempotency_key)
    .bind::<Binary, _>(&key.request_digest[..])
    .bind::<SmallInt, _>(status)
    .bind::<Nullable<Text>, _>(reply.location.as_deref())
    .bind::<Binary, _>(&reply.body)
    .execute(&mut &*connection)
    .await?;
    Ok(())
}

/// The reply under a key, and whether it answered this same request.
///
/// # Errors
/// When the database is away.
pub async fn find_reply(read: &mut ReadConn<'_>, key: &ReplayKey) -> Result<Option<(RecordedReply, bool)>, Error> {
    let organisation = read.organisation();
    let row: Option<ReplyRow> = crate::statement(
        "select request_digest, status, location, body from replays
         where org_id = $1 and principal = $2 and operation = $3 and idempotency_key = $4",
    )
    .bind::<SqlUuid, _>(organisation.uuid())
    .bind::<Text, _>(&key.principal)
    .bind::<Text, _>(&key.operation)
    .bind::<Text, _>(&key.idempotency_key)
    .get_result(read.connection())
    .await
    .optional()?;
    Ok(row.map(|row| {
        let same = row.request_digest == key.request_digest;
        let status = u16::try_from(row.status).unwrap_or(200);
        (RecordedReply { status, location: row.location, body: row.body }, same)
    }))
}
