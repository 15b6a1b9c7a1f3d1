//! The budgets of carriers and lanes, shared by all replicas, and the lease of a lane.
//! The rule: time is the database's, so that replicas agree.

use std::time::Duration;

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::Timestamp;
use persistence::{Platform, Tx};
use uuid::Uuid;

use crate::domain::{
    Arrivals, BOT, BOT_LIMITS, Budget, CONFIGURED, Carrier, Chat, Decision, Lane, Lease, Limits, SMTP,
};
use crate::error::Error;
use crate::schema::budgets;

diesel::define_sql_function! {
    /// The time of the database at this moment, not at the start of the transaction.
    fn clock_timestamp() -> Timestamptz;
}

/// The budget of a lane, locked until the transaction ends.
#[derive(Debug, Clone)]
pub struct LaneBudget {
    /// What is left of it.
    pub budget: Budget,
    /// The end of the lease of the sender that sends now; in the past when there is none.
    pub leased_until: Timestamp,
    /// Whether a sender has it that has not settled its message.
    pub claimed: bool,
    /// The chat that Telegram moved its chat to.
    pub moved_to: Option<Chat>,
    /// The time of the database.
    pub now: Timestamp,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = budgets, check_for_backend(Pg))]
struct BudgetRow {
    second_at: Timestamp,
    minute_at: Timestamp,
    blocked_until: Timestamp,
    leased_until: Timestamp,
    claim: Option<Uuid>,
    moved_to: Option<String>,
}

impl BudgetRow {
    fn budget(&self) -> Budget {
        let arrivals = Arrivals { second: self.second_at, minute: self.minute_at };
        Budget { arrivals, blocked_until: self.blocked_until }
    }
}

/// Makes sure that the carriers and this lane have a budget, and what has no destination a lease.
///
/// # Errors
/// When the database is away.
pub async fn register(tx: &mut Tx<'_, Platform>, lane: &Lane) -> Result<(), Error> {
    diesel::insert_into(budgets::table)
        .values([BOT, SMTP, CONFIGURED, lane.as_str()].map(|subject| budgets::subject.eq(subject)))
        .on_conflict_do_nothing()
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Locks the budget of a lane; `None` while another transaction holds it, or where there is none yet.
///
/// # Errors
/// When the database is away.
pub async fn lock_lane(tx: &mut Tx<'_, Platform>, lane: &Lane) -> Result<Option<LaneBudget>, Error> {
    let found: Option<(BudgetRow, Timestamp)> = budgets::table
        .find(lane.as_str())
        .select((BudgetRow::as_select(), clock_timestamp()))
        .for_update()
        .skip_locked()
        .get_result(tx.connection())
        .await
        .optional()?;
    Ok(found.map(|(row, now)| LaneBudget {
        budget: row.budget(),
        leased_until: row.leased_until,
        claimed: row.claim.is_some(),
        moved_to: row.moved_to.as_deref().and_then(|chat| Chat::parse(chat).ok()),
        now,
    }))
}

/// Locks the lease of what has no destination: its end and the time of the database; `None` while another transaction holds it.
///
/// # Errors
/// When the database is away.
pub async fn lock_configured(tx: &mut Tx<'_, Platform>) -> Result<Option<(Timestamp, Timestamp)>, Error> {
    Ok(budgets::table
        .find(CONFIGURED)
        .select((budgets::leased_until, clock_timestamp()))
        .for_update()
        .skip_locked()
        .get_result(tx.connection())
        .await
        .optional()?)
}

/// Gives what has no destination to `lease` for `duration`; the caller has locked it.
///
/// # Errors
/// When the database is away.
pub async fn take_configured(tx: &mut Tx<'_, Platform>, lease: Lease, duration: Duration) -> Result<(), Error> {
    persistence::statement(
        "update budgets set claim = $2, leased_until = clock_timestamp() + $3 * interval '1 millisecond' where subject = $1",
    )
    .bind::<Text, _>(CONFIGURED)
    .bind::<SqlUuid, _>(lease.uuid())
    .bind::<BigInt, _>(milliseconds(duration))
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Ends this lease of what has no destination. The caller locks the carrier after this, in the order of a claim.
///
/// # Errors
/// When the database is away.
pub async fn settle_configured(tx: &mut Tx<'_, Platform>, lease: Lease) -> Result<(), Error> {
    persistence::statement("update budgets set claim = null, leased_until = 'epoch' where subject = $1 and claim = $2")
        .bind::<Text, _>(CONFIGURED)
        .bind::<SqlUuid, _>(lease.uuid())
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Locks the budget of a carrier, and says what time it is.
///
/// # Errors
/// When the database is away.
pub async fn lock_carrier(tx: &mut Tx<'_, Platform>, carrier: Carrier) -> Result<(Budget, Timestamp), Error> {
    let (row, now): (BudgetRow, Timestamp) = budgets::table
        .find(carrier.subject())
        .select((BudgetRow::as_select(), clock_timestamp()))
        .for_update()
        .get_result(tx.connection())
        .await?;
    Ok((row.budget(), now))
}

/// Takes one message from the budgets of a lane and its carrier, and gives the lane to `lease` for `duration`.
///
/// # Errors
/// When the database is away.
pub async fn take(
    tx: &mut Tx<'_, Platform>,
    lane: &Lane,
    lease: Lease,
    duration: Duration,
    of_lane: Arrivals,
    of_carrier: Option<(Carrier, Arrivals)>,
) -> Result<(), Error> {
    persistence::statement(
        "update budgets set second_at = $2, minute_at = $3, claim = $4,
             leased_until = clock_timestamp() + $5 * interval '1 millisecond'
         where subject = $1",
    )
    .bind::<Text, _>(lane.as_str())
    .bind::<Timestamptz, _>(of_lane.second)
    .bind::<Timestamptz, _>(of_lane.minute)
    .bind::<SqlUuid, _>(lease.uuid())
    .bind::<BigInt, _>(milliseconds(duration))
    .execute(tx.connection())
    .await?;
    match of_carrier {
        Some((carrier, arrivals)) => take_of_carrier(tx, carrier, arrivals).await,
        None => Ok(()),
    }
}

/// Takes one message from the budget of a carrier, which the caller has locked.
///
/// # Errors
/// When the database is away.
async fn take_of_carrier(tx: &mut Tx<'_, Platform>, carrier: Carrier, arrivals: Arrivals) -> Result<(), Error> {
    diesel::update(budgets::table.find(carrier.subject()))
        .set((budgets::second_at.eq(arrivals.second), budgets::minute_at.eq(arrivals.minute)))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// What an attempt says about its lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LaneReport {
    /// The receiver answered.
    Reachable,
    /// No replica may call for this long. It is not a failure.
    Wait(Duration),
    /// The call failed, and no replica may call for this long.
    Failed(Duration),
    /// Nothing is taken there, for this cause, and no replica may call for this long.
    Closed(Duration, String),
    /// The chat has this id now.
    Moved(i64),
    /// Nobody looked at the lane.
    Unasked,
}

/// Ends the lease and stores what was learned about the lane. When another sender has it by now, only a wait is
/// stored: the receiver meant all replicas. Settled twice, a failure counts once and a wait is counted from the second time.
///
/// # Errors
/// When the database is away.
pub async fn settle(tx: &mut Tx<'_, Platform>, lane: &Lane, lease: Lease, report: &LaneReport) -> Result<(), Error> {
    let (wait, failed, obstacle, moved_to) = match report {
        LaneReport::Reachable => (Duration::ZERO, Some(false), None, None),
        LaneReport::Wait(wait) => (*wait, Some(false), None, None),
        LaneReport::Failed(wait) => (*wait, Some(true), None, None),
        LaneReport::Closed(wait, cause) => (*wait, Some(true), Some(cause.as_str()), None),
        LaneReport::Moved(to) => (Duration::ZERO, Some(false), None, Some(to.to_string())),
        LaneReport::Unasked => (Duration::ZERO, None, None, None),
    };
    persistence::statement(
        "update budgets set
             blocked_until = case when $3 > 0
                 then greatest(blocked_until, clock_timestamp() + $3 * interval '1 millisecond')
                 else blocked_until end,
             failures = case when $4 is null or claim is distinct from $2 then failures when $4 then failures + 1 else 0 end,
             obstacle = case when $4 is null or claim is distinct from $2 then obstacle
                 when $4 then coalesce($5, obstacle) end,
             moved_to = coalesce($6, moved_to),
             leased_until = case when claim = $2 then 'epoch'::timestamptz else leased_until end,
             claim = nullif(claim, $2)
         where subject = $1 and (claim = $2 or $3 > 0)",
    )
    .bind::<Text, _>(lane.as_str())
    .bind::<SqlUuid, _>(lease.uuid())
    .bind::<BigInt, _>(milliseconds(wait))
    .bind::<Nullable<Bool>, _>(failed)
    .bind::<Nullable<Text>, _>(obstacle)
    .bind::<Nullable<Text>, _>(moved_to)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Stores whether a carrier is let through. `refused` says that it is not, for this cause, and for how long nobody tries.
/// The lane of the attempt is locked by the caller; once its lease is settled, this stores nothing.
///
/// # Errors
/// When the database is away.
pub async fn settle_carrier(
    tx: &mut Tx<'_, Platform>,
    carrier: Carrier,
    lane: &Lane,
    lease: Lease,
    refused: Option<(Duration, &str)>,
) -> Result<(), Error> {
    let (wait, cause) = refused.unzip();
    persistence::statement(
        "update budgets set
             blocked_until = greatest(blocked_until, clock_timestamp() + $4 * interval '1 millisecond'),
             failures = case when $5 is null then 0 else failures + 1 end,
             obstacle = $5
         where subject = $1 and ($5 is not null or failures > 0 or obstacle is not null)
             and exists (select 1 from budgets of_lane where of_lane.subject = $2 and of_lane.claim = $3)",
    )
    .bind::<Text, _>(carrier.subject())
    .bind::<Text, _>(lane.as_str())
    .bind::<SqlUuid, _>(lease.uuid())
    .bind::<BigInt, _>(milliseconds(wait.unwrap_or_default()))
    .bind::<Nullable<Text>, _>(cause)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Stores what listening to the bot says of its token: that Telegram does not know it, for this cause, or that it does. Then
/// nobody waits for it any longer.
///
/// # Errors
/// When the database is away.
pub async fn note_token(tx: &mut Tx<'_, Platform>, refused: Option<&str>) -> Result<(), Error> {
    persistence::statement(
        "update budgets set obstacle = $2,
             failures = case when $2 is null then 0 else failures end,
             blocked_until = case when $2 is null then 'epoch'::timestamptz else blocked_until end
         where subject = $1 and obstacle is distinct from $2",
    )
    .bind::<Text, _>(BOT)
    .bind::<Nullable<Text>, _>(refused)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Locks a budget, of a lane or a carrier, and says how many of its attempts failed in a row.
///
/// # Errors
/// When the database is away.
pub async fn lock_failures(tx: &mut Tx<'_, Platform>, subject: &str) -> Result<u32, Error> {
    let failures: Option<i32> = budgets::table
        .find(subject)
        .select(budgets::failures)
        .for_update()
        .get_result(tx.connection())
        .await
        .optional()?;
    Ok(failures.and_then(|number| u32::try_from(number).ok()).unwrap_or(0))
}

/// Takes an answer from the budget of a chat, where it has one, and from that of the bot. How long to wait where one of them allows
/// none now; then nothing is taken.
///
/// # Errors
/// When the database is away.
pub async fn take_answer(tx: &mut Tx<'_, Platform>, chat: &Chat, limits: Limits) -> Result<Option<Duration>, Error> {
    let wait = |until: Timestamp, now: Timestamp| (until - now).to_std().unwrap_or(Duration::ZERO);
    let found: Option<(BudgetRow, Timestamp)> = budgets::table
        .find(chat.as_str())
        .select((BudgetRow::as_select(), clock_timestamp()))
        .for_update()
        .get_result(tx.connection())
        .await
        .optional()?;
    let of_chat = match found.map(|(row, now)| (row.budget().decide(now, limits), now)) {
        None => None,
        Some((Decision::Send(arrivals), _)) => Some(arrivals),
        Some((Decision::Wait { until }, now)) => return Ok(Some(wait(until, now))),
    };
    let (bot, now) = lock_carrier(tx, Carrier::Bot).await?;
    let of_bot = match bot.decide(now, BOT_LIMITS) {
        Decision::Send(arrivals) => arrivals,
        Decision::Wait { until } => return Ok(Some(wait(until, now))),
    };
    if let Some(arrivals) = of_chat {
        diesel::update(budgets::table.find(chat.as_str()))
            .set((budgets::second_at.eq(arrivals.second), budgets::minute_at.eq(arrivals.minute)))
            .execute(tx.connection())
            .await?;
    }
    take_of_carrier(tx, Carrier::Bot, of_bot).await?;
    Ok(None)
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
