//! API keys: made and revoked by the organisation; their use is noted by the platform.

use diesel::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::{ApiKeyId, Malformed, OrganisationId, Timestamp};
use persistence::{Platform, Tx};
use uuid::Uuid;

use crate::{
    domain::{ApiKey, role::words},
    error::Error,
    projections::ApiKeyRow,
    schema::api_keys,
};

/// The most keys that an organisation has at once: every gateway holds all of them in memory.
const MOST: i64 = 1_000;

/// Inserts a key with the hash of its text. The memberships are locked, so that the count holds.
///
/// # Errors
/// `TooMany`, and `Storage` when the database fails.
pub async fn insert(tx: &mut Tx<'_>, key: &ApiKey, hash: &[u8; 32]) -> Result<(), Error> {
    let live: i64 = api_keys::table
        .filter(api_keys::org_id.eq(tx.organisation().uuid()))
        .filter(api_keys::revoked_at.is_null())
        .filter(api_keys::expires_at.is_null().or(api_keys::expires_at.gt(key.created_at)))
        .count()
        .get_result(tx.connection())
        .await?;
    if live >= MOST {
        return Err(Error::TooMany { what: "API keys", limit: MOST, advice: "revoke one that is not used" });
    }
    diesel::insert_into(api_keys::table)
        .values((
            api_keys::org_id.eq(tx.organisation().uuid()),
            api_keys::key_id.eq(key.id.uuid()),
            api_keys::name.eq(key.name.as_str()),
            api_keys::hash.eq(&hash[..]),
            api_keys::permissions.eq(words(key.permissions)),
            api_keys::networks.eq(&key.networks),
            api_keys::created_by.eq(&key.created_by),
            api_keys::created_at.eq(key.created_at),
            api_keys::expires_at.eq(key.expires_at),
            api_keys::version.eq(key.version),
        ))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// A key that is locked.
#[derive(Debug)]
pub struct Locked {
    /// The key.
    pub key: ApiKey,
    /// SHA-256 of its text.
    pub hash: [u8; 32],
    /// Whether the gateways were told to forget it, long after its end.
    pub withdrawn: bool,
}

/// One key of the organisation, locked until the transaction ends.
///
/// # Errors
/// `UnknownApiKey`, `Corrupt`, and `Storage` when the database fails.
pub async fn lock(tx: &mut Tx<'_>, key: ApiKeyId) -> Result<Locked, Error> {
    let row: Option<(ApiKeyRow, Vec<u8>, bool)> = api_keys::table
        .filter(api_keys::org_id.eq(tx.organisation().uuid()))
        .filter(api_keys::key_id.eq(key.uuid()))
        .select((ApiKeyRow::as_select(), api_keys::hash, api_keys::withdrawn))
        .for_update()
        .get_result(tx.connection())
        .await
        .optional()?;
    let (row, hash, withdrawn) = row.ok_or(Error::UnknownApiKey { key })?;
    let wrong = |_| Error::corrupt(format_args!("API key {key}"), &Malformed::new("hash", "must have 32 bytes"));
    Ok(Locked { key: row.try_into()?, hash: hash.try_into().map_err(wrong)?, withdrawn })
}

/// The keys of the organisation that this key has made and that were not revoked yet.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn made_by(tx: &mut Tx<'_>, key: ApiKeyId) -> Result<Vec<ApiKeyId>, Error> {
    let made: Vec<Uuid> = api_keys::table
        .filter(api_keys::org_id.eq(tx.organisation().uuid()))
        .filter(api_keys::created_by.eq(key.to_string()))
        .filter(api_keys::revoked_at.is_null())
        .order(api_keys::key_id)
        .select(api_keys::key_id)
        .load(tx.connection())
        .await?;
    Ok(made.into_iter().map(ApiKeyId::from_uuid).collect())
}

/// Saves a revocation.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn save_revoked(tx: &mut Tx<'_>, key: &ApiKey) -> Result<(), Error> {
    let row = api_keys::table
        .filter(api_keys::org_id.eq(tx.organisation().uuid()))
        .filter(api_keys::key_id.eq(key.id.uuid()));
    diesel::update(row)
        .set((api_keys::revoked_at.eq(key.revoked_at), api_keys::version.eq(key.version)))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Marks a few keys as withdrawn that were revoked or have expired before `until`, and returns them with their new versions.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn withdraw(
    tx: &mut Tx<'_, Platform>,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<(OrganisationId, ApiKeyId, i64)>, Error> {
    let due: Vec<Uuid> = api_keys::table
        .filter(api_keys::withdrawn.eq(false))
        .filter(api_keys::revoked_at.lt(until).or(api_keys::expires_at.lt(until)))
        .select(api_keys::key_id)
        .limit(limit)
        .for_update()
        .skip_locked()
        .load(tx.connection())
        .await?;
    let withdrawn: Vec<(Uuid, Uuid, i64)> = diesel::update(api_keys::table.filter(api_keys::key_id.eq_any(due)))
        .set((api_keys::withdrawn.eq(true), api_keys::version.eq(api_keys::version + 1)))
        .returning((api_keys::org_id, api_keys::key_id, api_keys::version))
        .get_results(tx.connection())
        .await?;
    let typed =
        |(organisation, key, version)| (OrganisationId::from_uuid(organisation), ApiKeyId::from_uuid(key), version);
    Ok(withdrawn.into_iter().map(typed).collect())
}

/// Notes that a key was used, at most once a minute.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn note_use(tx: &mut Tx<'_, Platform>, key: ApiKeyId, now: Timestamp) -> Result<(), Error> {
    let minute_ago = now - std::time::Duration::from_secs(60);
    let row = api_keys::table
        .filter(api_keys::key_id.eq(key.uuid()))
        .filter(api_keys::last_used_at.is_null().or(api_keys::last_used_at.lt(minute_ago)));
    diesel::update(row).set(api_keys::last_used_at.eq(now)).execute(tx.connection()).await?;
    Ok(())
}
