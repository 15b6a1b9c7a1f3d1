//! The budgets of the bot and of each chat, shared by all replicas. Time is the database's, so that replicas agree.

use std::time::Duration;

use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use kernel::Timestamp;
use persistence::SystemTx;
use uuid::Uuid;

use crate::domain::{Arrivals, Budget, Chat};
use crate::schema::budgets;

/// The row of the bot; no chat is called so.
const BOT: &str = "bot";

/// A chat's budget, locked until the transaction ends.
#[derive(Debug, Clone)]
pub struct ChatBudget {
    /// What is left of it.
    pub budget: Budget,
    /// Until when another sender is believed to be sending.
    pub leased_until: Timestamp,
    /// Where Telegram moved the chat to.
    pub moved_to: Option<Chat>,
    /// The database's time after the lock was had.
    pub now: Timestamp,
}

#[derive(QueryableByName)]
struct BudgetRow {
    #[diesel(sql_type = Timestamptz)]
    second_at: Timestamp,
    #[diesel(sql_type = Timestamptz)]
    minute_at: Timestamp,
    #[diesel(sql_type = Timestamptz)]
    blocked_until: Timestamp,
    #[diesel(sql_type = Timestamptz)]
    leased_until: Timestamp,
    #[diesel(sql_type = Nullable<Text>)]
    moved_to: Option<String>,
    #[diesel(sql_type = Timestamptz)]
    now: Timestamp,
}

impl BudgetRow {
    fn budget(&self) -> Budget {
        let arrivals = Arrivals { second: self.second_at, minute: self.minute_at };
        Budget { arrivals, blocked_until: self.blocked_until }
    }
}

/// Makes sure that the bot, the chat and every chat with something pending have a budget.
///
/// # Errors
/// When the database is away.
pub async fn register(tx: &mut SystemTx, chat: &Chat) -> Result<(), persistence::Error> {
    diesel::insert_into(budgets::table)
        .values([budgets::subject.eq(BOT), budgets::subject.eq(chat.as_str())])
        .on_conflict_do_nothing()
        .execute(tx.connection())
        .await?;
    persistence::statement(
        "insert into budgets (subject) select distinct chat from deliveries where state = 'pending' on conflict do nothing",
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Every chat that has a budget.
///
/// # Errors
/// When the database is away.
pub async fn chats(tx: &mut SystemTx) -> Result<Vec<Chat>, persistence::Error> {
    let subjects: Vec<String> = budgets::table
        .filter(budgets::subject.ne(BOT))
        .order(budgets::subject)
        .select(budgets::subject)
        .load(tx.connection())
        .await?;
    Ok(subjects.iter().filter_map(|subject| Chat::parse(subject).ok()).collect())
}

/// Locks a chat's budget; nothing when another sender holds it at this moment.
///
/// # Errors
/// When the database is away.
pub async fn lock_chat(tx: &mut SystemTx, chat: &Chat) -> Result<Option<ChatBudget>, persistence::Error> {
    let row: Option<BudgetRow> = persistence::statement(
        "select second_at, minute_at, blocked_until, leased_until, moved_to, clock_timestamp() as now
         from budgets where subject = $1 for update skip locked",
    )
    .bind::<Text, _>(chat.as_str())
    .get_result(tx.connection())
    .await
    .optional()?;
    Ok(row.map(|row| ChatBudget {
        budget: row.budget(),
        leased_until: row.leased_until,
        moved_to: row.moved_to.as_deref().and_then(|chat| Chat::parse(chat).ok()),
        now: row.now,
    }))
}

/// Locks the bot's budget, after the chat's: always in this order.
///
/// # Errors
/// When the database is away.
pub async fn lock_bot(tx: &mut SystemTx) -> Result<(Budget, Timestamp), persistence::Error> {
    let row: BudgetRow = persistence::statement(
        "select second_at, minute_at, blocked_until, leased_until, moved_to, clock_timestamp() as now
         from budgets where subject = $1 for update",
    )
    .bind::<Text, _>(BOT)
    .get_result(tx.connection())
    .await?;
    Ok((row.budget(), row.now))
}

/// Takes one message from both budgets and leases the chat to `claim`.
///
/// # Errors
/// When the database is away.
pub async fn take(
    tx: &mut SystemTx,
    chat: &Chat,
    claim: Uuid,
    lease: Duration,
    of_chat: Arrivals,
    of_bot: Arrivals,
) -> Result<(), persistence::Error> {
    persistence::statement(
        "update budgets set second_at = $2, minute_at = $3, claim = $4,
             leased_until = clock_timestamp() + $5 * interval '1 millisecond'
         where subject = $1",
    )
    .bind::<Text, _>(chat.as_str())
    .bind::<Timestamptz, _>(of_chat.second)
    .bind::<Timestamptz, _>(of_chat.minute)
    .bind::<diesel::sql_types::Uuid, _>(claim)
    .bind::<BigInt, _>(milliseconds(lease))
    .execute(tx.connection())
    .await?;
    diesel::update(budgets::table.find(BOT))
        .set((budgets::second_at.eq(of_bot.second), budgets::minute_at.eq(of_bot.minute)))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// What a call taught about the chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lesson {
    /// It is reachable.
    Reachable,
    /// Nobody calls for this long; it is not a failure.
    Wait(Duration),
    /// A call failed; nobody calls for this long.
    Failed(Duration),
    /// It has another id now.
    Moved(i64),
}

/// Ends the lease of `claim` and stores what was learned. Without effect when the lease has gone to another sender,
/// except that a wait is always kept: Telegram meant everybody.
///
/// # Errors
/// When the database is away.
pub async fn settle(tx: &mut SystemTx, chat: &Chat, claim: Uuid, lesson: &Lesson) -> Result<(), persistence::Error> {
    let (wait, failures, moved_to) = match lesson {
        Lesson::Reachable => (Duration::ZERO, 0, None),
        Lesson::Wait(wait) => (*wait, 0, None),
        Lesson::Failed(wait) => (*wait, 1, None),
        Lesson::Moved(to) => (Duration::ZERO, 0, Some(to.to_string())),
    };
    persistence::statement(
        "update budgets set
             blocked_until = case when $3 > 0
                 then greatest(blocked_until, clock_timestamp() + $3 * interval '1 millisecond')
                 else blocked_until end,
             failures = case when $4 > 0 then failures + $4 else 0 end,
             moved_to = coalesce($5, moved_to),
             leased_until = case when claim = $2 then 'epoch'::timestamptz else leased_until end,
             claim = case when claim = $2 then null else claim end
         where subject = $1 and (claim = $2 or $3 > 0)",
    )
    .bind::<Text, _>(chat.as_str())
    .bind::<diesel::sql_types::Uuid, _>(claim)
    .bind::<BigInt, _>(milliseconds(wait))
    .bind::<Integer, _>(failures)
    .bind::<Nullable<Text>, _>(moved_to)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Calls to this chat that failed in a row.
///
/// # Errors
/// When the database is away.
pub async fn failures(tx: &mut SystemTx, chat: &Chat) -> Result<u32, persistence::Error> {
    let failures: Option<i32> =
        budgets::table.find(chat.as_str()).select(budgets::failures).first(tx.connection()).await.optional()?;
    Ok(failures.and_then(|number| u32::try_from(number).ok()).unwrap_or(0))
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
