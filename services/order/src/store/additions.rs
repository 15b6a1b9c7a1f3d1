//! Additions: what catalog is asked to hold for orders beyond what they have. The rules: whoever writes one has locked its order, and what
//! a batch writes is a fixed number of statements, none where no order was added to.

use std::collections::HashMap;

use diesel::{
    QueryableByName,
    sql_types::{Array, BigInt, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use kernel::{OrderId, OrganisationId, Timestamp};
use persistence::{Tenancy, Tx, statement};
use serde_json::Value;
use uuid::Uuid;

use super::orders::HistoryEntry;
use crate::{
    domain::{AddedLine, Addition, AdditionEnd, Begins, Event, Order, Remark},
    error::Error,
};

/// The number of the next addition of an order that the caller has locked.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn next_number(tx: &mut Tx<'_>, order: OrderId) -> Result<i64, Error> {
    let next: NumberRow = statement(
        "select coalesce(max(number), 0) + 1 as number from order_additions where org_id = $1 and order_id = $2",
    )
    .bind::<SqlUuid, _>(tx.organisation().uuid())
    .bind::<SqlUuid, _>(order.uuid())
    .get_result(tx.connection())
    .await?;
    Ok(next.number)
}

/// The open additions of those of the locked orders that wait for one.
///
/// # Errors
/// `Storage` when the database fails, `Corrupt` when a row breaks a rule of the domain.
pub(super) async fn open<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    waiting: &[(Uuid, Uuid)],
) -> Result<HashMap<(Uuid, Uuid), Addition>, Error> {
    if waiting.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<OpenRow> = statement(
        "select a.org_id, a.order_id, a.number, a.lines, a.reason, a.requested_at
         from unnest($1, $2) as wanted (org_id, order_id)
         join order_additions a on a.org_id = wanted.org_id and a.order_id = wanted.order_id and a.state = 'open'",
    )
    .bind::<Array<SqlUuid>, _>(waiting.iter().map(|(organisation, _)| *organisation).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(waiting.iter().map(|(_, order)| *order).collect::<Vec<_>>())
    .load(tx.connection())
    .await?;
    rows.into_iter().map(|row| Ok(((row.org_id, row.order_id), row.addition()?))).collect()
}

/// Writes the additions that were asked for or ended, and the lines that orders have got by them.
///
/// # Errors
/// `Storage` when the database fails, `Corrupt` when one has no JSON form.
pub async fn save<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    changed: &[&Order],
    history: &[HistoryEntry<'_>],
) -> Result<(), Error> {
    let is_asked = |entry: &&HistoryEntry<'_>| matches!(entry.step.event, Event::AdditionRequested(_));
    let asked = history.iter().filter(is_asked).filter_map(|entry| Some((entry, entry.step.addition.as_ref()?)));
    insert(tx, &asked.collect::<Vec<_>>()).await?;
    let ended = history.iter().filter_map(|entry| Some((entry, entry.step.ended_addition()?)));
    let ended: Vec<(&HistoryEntry<'_>, &Addition, AdditionEnd)> =
        ended.map(|(entry, (addition, end))| (entry, addition, end)).collect();
    end(tx, &ended).await?;
    begin_lines(tx, &new_lines(changed, &ended)).await
}

async fn insert<T: Tenancy>(tx: &mut Tx<'_, T>, asked: &[(&HistoryEntry<'_>, &Addition)]) -> Result<(), Error> {
    if asked.is_empty() {
        return Ok(());
    }
    let mut lines = Vec::with_capacity(asked.len());
    for (entry, addition) in asked {
        lines.push(json(entry.step.order, &addition.lines)?);
    }
    statement(
        "insert into order_additions (org_id, order_id, number, state, lines, reason, actor, requested_at)
         select n.org_id, n.order_id, n.number, 'open', n.lines, n.reason, n.actor, now()
         from unnest($1, $2, $3, $4, $5, $6) as n (org_id, order_id, number, lines, reason, actor)",
    )
    .bind::<Array<SqlUuid>, _>(column(asked, |(entry, _)| entry.step.organisation.uuid()))
    .bind::<Array<SqlUuid>, _>(column(asked, |(entry, _)| entry.step.order.uuid()))
    .bind::<Array<BigInt>, _>(column(asked, |(_, addition)| addition.number))
    .bind::<Array<Jsonb>, _>(lines)
    .bind::<Array<Nullable<Text>>, _>(column(asked, |(_, addition)| addition.reason.as_ref().map(ToString::to_string)))
    .bind::<Array<Text>, _>(column(asked, |(entry, _)| entry.provenance.actor.clone()))
    .execute(tx.connection())
    .await?;
    Ok(())
}

async fn end<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    ended: &[(&HistoryEntry<'_>, &Addition, AdditionEnd)],
) -> Result<(), Error> {
    if ended.is_empty() {
        return Ok(());
    }
    let mut reasons = Vec::with_capacity(ended.len());
    for (entry, _, end) in ended {
        let why = match end {
            AdditionEnd::Given => &[][..],
            AdditionEnd::Refused(reasons) => reasons,
        };
        reasons.push(json(entry.step.order, why)?);
    }
    let state = |end: &AdditionEnd| if *end == AdditionEnd::Given { "given" } else { "refused" };
    statement(
        "update order_additions a set state = n.state, reasons = n.reasons, settled_at = now()
         from unnest($1, $2, $3, $4, $5) as n (org_id, order_id, number, state, reasons)
         where a.org_id = n.org_id and a.order_id = n.order_id and a.number = n.number",
    )
    .bind::<Array<SqlUuid>, _>(column(ended, |(entry, ..)| entry.step.organisation.uuid()))
    .bind::<Array<SqlUuid>, _>(column(ended, |(entry, ..)| entry.step.order.uuid()))
    .bind::<Array<BigInt>, _>(column(ended, |(_, addition, _)| addition.number))
    .bind::<Array<Text>, _>(column(ended, |(.., end)| state(end)))
    .bind::<Array<Jsonb>, _>(reasons)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// A line that an order has got by an addition.
struct NewLine<'a> {
    organisation: OrganisationId,
    order: OrderId,
    position: usize,
    line: &'a AddedLine,
    begins: &'a Begins,
}

/// The new lines of the additions that were given, each at its place among the order's.
fn new_lines<'a>(changed: &[&Order], ended: &[(&HistoryEntry<'_>, &'a Addition, AdditionEnd)]) -> Vec<NewLine<'a>> {
    let given = ended.iter().filter(|(.., end)| *end == AdditionEnd::Given);
    let of_addition = |(entry, addition, _): &(&HistoryEntry<'_>, &'a Addition, AdditionEnd)| {
        let (organisation, order) = (entry.step.organisation, entry.step.order);
        let goods = changed.iter().find(|one| one.key() == (organisation, order)).map(|order| &order.goods);
        let new = addition.lines.iter().filter_map(move |line| {
            let position = goods?.iter().position(|goods| goods.sku == line.goods.sku)?;
            Some(NewLine { organisation, order, position, line, begins: line.begins.as_ref()? })
        });
        new.collect::<Vec<_>>()
    };
    given.flat_map(of_addition).collect()
}

/// Comes before the pieces of all lines are written, which may have moved in the same batch.
async fn begin_lines<T: Tenancy>(tx: &mut Tx<'_, T>, new: &[NewLine<'_>]) -> Result<(), Error> {
    if new.is_empty() {
        return Ok(());
    }
    statement(
        "insert into order_lines (org_id, order_id, position, sku, product_id, variant_id, product_version, title,
                                  variant_title, quantity, unit_price_minor, cost_minor, price_source)
         select * from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind::<Array<SqlUuid>, _>(column(new, |one| one.organisation.uuid()))
    .bind::<Array<SqlUuid>, _>(column(new, |one| one.order.uuid()))
    // An order has a hundred lines at most.
    .bind::<Array<Integer>, _>(column(new, |one| i32::try_from(one.position).unwrap_or(i32::MAX)))
    .bind::<Array<Text>, _>(column(new, |one| one.line.goods.sku.to_string()))
    .bind::<Array<SqlUuid>, _>(column(new, |one| one.line.goods.product.uuid()))
    .bind::<Array<SqlUuid>, _>(column(new, |one| one.line.goods.variant.uuid()))
    .bind::<Array<BigInt>, _>(column(new, |one| one.line.goods.product_version))
    .bind::<Array<Text>, _>(column(new, |one| one.begins.title.clone()))
    .bind::<Array<Text>, _>(column(new, |one| one.begins.variant_title.clone()))
    .bind::<Array<BigInt>, _>(column(new, |one| one.line.quantity.get()))
    .bind::<Array<BigInt>, _>(column(new, |one| one.line.unit_price.minor()))
    .bind::<Array<Nullable<BigInt>>, _>(column(new, |one| one.line.price().cost))
    .bind::<Array<Text>, _>(column(new, |one| <&str>::from(one.begins.price_source)))
    .execute(tx.connection())
    .await?;
    Ok(())
}

fn json(order: OrderId, value: &(impl serde::Serialize + ?Sized)) -> Result<Value, Error> {
    serde_json::to_value(value).map_err(|error| Error::corrupt(order, error))
}

fn column<T, V>(rows: &[T], value: impl Fn(&T) -> V) -> Vec<V> {
    rows.iter().map(value).collect()
}

#[derive(QueryableByName)]
struct NumberRow {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[derive(QueryableByName)]
struct OpenRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    order_id: Uuid,
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = Jsonb)]
    lines: Value,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
    #[diesel(sql_type = Timestamptz)]
    requested_at: Timestamp,
}

impl OpenRow {
    fn addition(self) -> Result<Addition, Error> {
        let order = OrderId::from_uuid(self.order_id);
        let lines = serde_json::from_value(self.lines).map_err(|error| Error::corrupt(order, error))?;
        let reason = self.reason.as_deref().map(Remark::parse).transpose();
        let reason = reason.map_err(|malformed| Error::corrupt(order, malformed))?;
        Ok(Addition { number: self.number, lines, reason, requested_at: self.requested_at })
    }
}
