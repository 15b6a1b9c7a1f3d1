//! Loads the signing keys under a lock that all replicas share, and saves what changed.

use contracts::topics;
use diesel::{
    ExpressionMethods, Insertable, QueryDsl, Queryable, Selectable, SelectableHelper, sql_types::Text, upsert::excluded,
};
use diesel_async::RunQueryDsl;
use kernel::{KeyId, Secret, Timestamp};
use persistence::{Platform, Tx};
use uuid::Uuid;

use crate::{
    domain::{SigningKey, SigningKeys, Tended},
    error::Error,
    schema::{outbox, signing_keys},
};

/// Every key, under a lock until the transaction ends. An empty table has no row to lock, so the lock is an advisory one.
/// A key whose first event still waits for the broker is unannounced: no verifier can know it.
///
/// # Errors
/// `Storage` when the database fails, `Corrupt` when a row breaks a rule of the domain.
pub async fn lock(tx: &mut Tx<'_, Platform>) -> Result<SigningKeys, Error> {
    // Advisory locks are shared by the whole database, so the schema is part of the key.
    persistence::statement("select pg_advisory_xact_lock(hashtextextended(current_schema() || $1, 0))")
        .bind::<Text, _>("/signing-keys")
        .execute(tx.connection())
        .await?;
    let waiting: Vec<String> = outbox::table
        .filter(outbox::aggregatetype.eq(topics::SIGNING_KEY.name))
        .filter(outbox::aggregateversion.eq(1))
        .select(outbox::aggregateid)
        .load(tx.connection())
        .await?;
    let rows: Vec<Row> = signing_keys::table.select(Row::as_select()).load(tx.connection()).await?;
    let keys = rows.into_iter().map(SigningKey::try_from).collect::<Result<Vec<_>, _>>()?;
    let unannounced: Vec<KeyId> =
        keys.iter().map(|key| key.kid).filter(|kid| waiting.contains(&kid.uuid().to_string())).collect();
    Ok(SigningKeys::restore(keys, unannounced))
}

/// Writes new and changed keys and those that were found announced, and deletes removed ones, private halves included.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn save(tx: &mut Tx<'_, Platform>, tended: &Tended) -> Result<(), Error> {
    let rows: Vec<Row> = tended.changed.iter().chain(&tended.announced).map(Row::from).collect();
    if !rows.is_empty() {
        diesel::insert_into(signing_keys::table)
            .values(rows)
            .on_conflict(signing_keys::key_id)
            .do_update()
            .set((
                signing_keys::version.eq(excluded(signing_keys::version)),
                signing_keys::signs_from.eq(excluded(signing_keys::signs_from)),
                signing_keys::announced_at.eq(excluded(signing_keys::announced_at)),
                signing_keys::retired_at.eq(excluded(signing_keys::retired_at)),
            ))
            .execute(tx.connection())
            .await?;
    }
    let removed = tended.removed.iter().map(|key| key.kid.uuid());
    diesel::delete(signing_keys::table).filter(signing_keys::key_id.eq_any(removed)).execute(tx.connection()).await?;
    Ok(())
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = signing_keys, check_for_backend(diesel::pg::Pg))]
struct Row {
    key_id: Uuid,
    public_key: Vec<u8>,
    sealed_private_key: Vec<u8>,
    version: i64,
    created_at: Timestamp,
    signs_from: Timestamp,
    announced_at: Option<Timestamp>,
    retired_at: Option<Timestamp>,
}

impl From<&SigningKey> for Row {
    fn from(key: &SigningKey) -> Self {
        Self {
            key_id: key.kid.uuid(),
            public_key: key.public_key.to_vec(),
            sealed_private_key: key.sealed_private_key.expose().clone(),
            version: key.version,
            created_at: key.created_at,
            signs_from: key.signs_from,
            announced_at: key.announced_at,
            retired_at: key.retired_at,
        }
    }
}

impl TryFrom<Row> for SigningKey {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let kid = KeyId::from_uuid(row.key_id);
        Ok(Self {
            kid,
            public_key: row
                .public_key
                .try_into()
                .map_err(|_| Error::corrupt_key(kid, "its public key does not have 32 bytes"))?,
            sealed_private_key: Secret::new(row.sealed_private_key),
            version: row.version,
            created_at: row.created_at,
            signs_from: row.signs_from,
            announced_at: row.announced_at,
            retired_at: row.retired_at,
        })
    }
}
