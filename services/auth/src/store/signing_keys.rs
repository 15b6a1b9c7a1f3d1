//! Loads the signing keys under a lock that all replicas share, and saves what changed.

use diesel::{
    ExpressionMethods, Insertable, QueryDsl, Queryable, QueryableByName, Selectable, SelectableHelper, sql_types::Text,
    upsert::excluded,
};
use diesel_async::RunQueryDsl;
use kernel::{KeyId, Timestamp};
use persistence::{SystemTx, Tx};
use uuid::Uuid;

use crate::{
    domain::{SigningKey, SigningKeys, Tended},
    error::Error,
    schema::signing_keys,
};

/// Every key, under a lock until the transaction ends. An empty table has no row to lock, so the lock is an advisory one.
///
/// # Errors
/// `Storage` when the database fails, `Corrupt` when a row breaks a rule of the domain.
pub async fn lock(tx: &mut Tx<'_>) -> Result<SigningKeys, Error> {
    // Advisory locks are shared by the whole database, so the schema is part of the key.
    persistence::statement("select pg_advisory_xact_lock(hashtextextended(current_schema() || $1, 0))")
        .bind::<Text, _>("/signing-keys")
        .execute(tx.connection())
        .await?;
    let organisation = tx.organisation().uuid();
    let rows: Vec<Row> = signing_keys::table
        .filter(signing_keys::org_id.eq(organisation))
        .select(Row::as_select())
        .load(tx.connection())
        .await?;
    let keys = rows.into_iter().map(SigningKey::try_from).collect::<Result<Vec<_>, _>>()?;
    Ok(SigningKeys::restore(keys))
}

/// The keys whose first event still waits for the broker: no verifier can know them.
///
/// # Errors
/// `Storage` when the database fails, `Corrupt` when the key of a waiting event is not a UUID.
pub async fn unannounced(system: &mut SystemTx) -> Result<Vec<KeyId>, Error> {
    let rows: Vec<Waiting> =
        persistence::statement("select aggregateid from outbox where aggregatetype = $1 and aggregateversion = 1")
            .bind::<Text, _>(contracts::topics::SIGNING_KEY.name)
            .load(system.connection())
            .await?;
    let kid = |row: Waiting| match row.aggregateid.parse() {
        Ok(uuid) => Ok(KeyId::from_uuid(uuid)),
        Err(_) => Err(Error::Corrupt {
            what: format!("outbox row of the signing key {}", row.aggregateid),
            reason: "its key must be a UUID".to_owned(),
        }),
    };
    rows.into_iter().map(kid).collect()
}

/// Writes new and changed keys and deletes removed ones, private halves included.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn save(tx: &mut Tx<'_>, tended: &Tended) -> Result<(), Error> {
    let organisation = tx.organisation().uuid();
    if !tended.changed.is_empty() {
        upsert(tx, organisation, &tended.changed).await?;
    }
    let removed: Vec<Uuid> = tended.removed.iter().map(|key| key.kid.uuid()).collect();
    diesel::delete(signing_keys::table)
        .filter(signing_keys::org_id.eq(organisation))
        .filter(signing_keys::key_id.eq_any(removed))
        .execute(tx.connection())
        .await?;
    Ok(())
}

async fn upsert(tx: &mut Tx<'_>, organisation: Uuid, keys: &[SigningKey]) -> Result<(), Error> {
    let rows: Vec<Row> = keys.iter().map(|key| Row::of(organisation, key)).collect();
    diesel::insert_into(signing_keys::table)
        .values(rows)
        .on_conflict((signing_keys::org_id, signing_keys::key_id))
        .do_update()
        .set((
            signing_keys::version.eq(excluded(signing_keys::version)),
            signing_keys::retired_at.eq(excluded(signing_keys::retired_at)),
        ))
        .execute(tx.connection())
        .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct Waiting {
    #[diesel(sql_type = Text)]
    aggregateid: String,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = signing_keys, check_for_backend(diesel::pg::Pg))]
struct Row {
    org_id: Uuid,
    key_id: Uuid,
    public_key: Vec<u8>,
    sealed_private_key: Vec<u8>,
    version: i64,
    created_at: Timestamp,
    signs_from: Timestamp,
    retired_at: Option<Timestamp>,
}

impl Row {
    fn of(organisation: Uuid, key: &SigningKey) -> Self {
        Self {
            org_id: organisation,
            key_id: key.kid.uuid(),
            public_key: key.public_key.to_vec(),
            sealed_private_key: key.sealed_private_key.clone(),
            version: key.version,
            created_at: key.created_at,
            signs_from: key.signs_from,
            retired_at: key.retired_at,
        }
    }
}

impl TryFrom<Row> for SigningKey {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let kid = KeyId::from_uuid(row.key_id);
        let public_key = row.public_key.try_into().map_err(|_| Error::Corrupt {
            what: format!("signing key {kid}"),
            reason: "the public key must have 32 bytes".to_owned(),
        })?;
        Ok(Self {
            kid,
            public_key,
            sealed_private_key: row.sealed_private_key,
            version: row.version,
            created_at: row.created_at,
            signs_from: row.signs_from,
            retired_at: row.retired_at,
        })
    }
}
