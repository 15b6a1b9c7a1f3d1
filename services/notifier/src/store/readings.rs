//! How far the bot has read what it was sent, which replica reads, and how often a chat has asked.
//! The rule: an update is handled in the transaction that says so, by whoever holds the lease.

use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use persistence::{Platform, Tx};

use crate::domain::{BotId, Lease};
use crate::error::Error;
use crate::schema::{askers, readings};

/// The most questions of one chat that are answered within [`ASKED_WITHIN`].
const MOST_ASKED: i32 = 10;
/// The time in which questions of a chat are counted.
const ASKED_WITHIN: Duration = Duration::from_secs(15 * 60);

/// Takes or renews the right to read: the number of the next update. None while another replica has it.
///
/// # Errors
/// When the database is away.
pub async fn claim(
    tx: &mut Tx<'_, Platform>,
    bot: &BotId,
    lease: Lease,
    duration: Duration,
) -> Result<Option<i64>, Error> {
    diesel::insert_into(readings::table)
        .values(readings::subject.eq(bot.as_str()))
        .on_conflict_do_nothing()
        .execute(tx.connection())
        .await?;
    let claimed = persistence::statement(
        "update readings set claim = $1, leased_until = clock_timestamp() + $2 * interval '1 millisecond'
         where subject = $3 and (claim = $1 or leased_until < clock_timestamp())",
    )
    .bind::<SqlUuid, _>(lease.uuid())
    .bind::<BigInt, _>(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
    .bind::<Text, _>(bot.as_str())
    .execute(tx.connection())
    .await?;
    if claimed == 0 {
        return Ok(None);
    }
    Ok(Some(readings::table.find(bot.as_str()).select(readings::next_update).get_result(tx.connection()).await?))
}

/// Ends the lease, if this replica still has it.
///
/// # Errors
/// When the database is away.
pub async fn release(tx: &mut Tx<'_, Platform>, bot: &BotId, lease: Lease) -> Result<(), Error> {
    persistence::statement(
        "update readings set claim = null, leased_until = 'epoch' where subject = $2 and claim = $1",
    )
    .bind::<SqlUuid, _>(lease.uuid())
    .bind::<Text, _>(bot.as_str())
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Begins anew with the numbers of a reply that lies below the next update as a whole, and says whether the holder of the
/// lease did: Telegram gives other numbers after a week of silence, and so does another server.
///
/// # Errors
/// When the database is away.
pub async fn restart(
    tx: &mut Tx<'_, Platform>,
    bot: &BotId,
    lease: Lease,
    first: i64,
    last: i64,
) -> Result<bool, Error> {
    let restarted = persistence::statement(
        "update readings set next_update = $3 where subject = $1 and claim = $2 and next_update > $4",
    )
    .bind::<Text, _>(bot.as_str())
    .bind::<SqlUuid, _>(lease.uuid())
    .bind::<BigInt, _>(first)
    .bind::<BigInt, _>(last)
    .execute(tx.connection())
    .await?;
    Ok(restarted > 0)
}

/// Takes an update, and says whether it is still to be handled: by the holder of the lease, and once.
///
/// # Errors
/// When the database is away.
pub async fn take(tx: &mut Tx<'_, Platform>, bot: &BotId, lease: Lease, update: i64) -> Result<bool, Error> {
    let taken = persistence::statement(
        "update readings set next_update = $2 + 1 where subject = $3 and claim = $1 and next_update <= $2",
    )
    .bind::<SqlUuid, _>(lease.uuid())
    .bind::<BigInt, _>(update)
    .bind::<Text, _>(bot.as_str())
    .execute(tx.connection())
    .await?;
    Ok(taken > 0)
}

/// Counts a question of a chat, and says whether it is answered: no chat asks more than ten times in 15 minutes. Chats that
/// have not asked for longer are forgotten.
///
/// # Errors
/// When the database is away.
pub async fn may_ask(tx: &mut Tx<'_, Platform>, chat: i64) -> Result<bool, Error> {
    let seconds = i64::try_from(ASKED_WITHIN.as_secs()).unwrap_or(i64::MAX);
    persistence::statement("delete from askers where since < clock_timestamp() - $1 * interval '1 second'")
        .bind::<BigInt, _>(seconds)
        .execute(tx.connection())
        .await?;
    persistence::statement(
        "insert into askers (chat, asked, since) values ($1, 1, clock_timestamp())
         on conflict (chat) do update set asked = least(askers.asked + 1, 1000)",
    )
    .bind::<BigInt, _>(chat)
    .execute(tx.connection())
    .await?;
    let asked: i32 = askers::table.find(chat).select(askers::asked).get_result(tx.connection()).await?;
    Ok(asked <= MOST_ASKED)
}
