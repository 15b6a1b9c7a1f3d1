//! Orders that were sold elsewhere: found by their channel's name of them, and what happened to them there. The rule: a batch is a fixed
//! number of statements, and whoever writes has locked the orders or has just placed them.

use std::collections::HashMap;

use diesel::{
    QueryableByName,
    sql_types::{Array, BigInt, Bool, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use kernel::{ChannelCode, OrderId, OrganisationId, ParcelId, ReturnId};
use persistence::{Tenancy, Tx, statement};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    domain::{ArrivedReturn, Dispatch, Label, Open, Payment, ReturnStatus, SkuPieces, SoldElsewhere, Walk},
    error::Error,
};

/// What an order is called where it was sold, in which organisation.
pub type External<'a> = (OrganisationId, &'a ChannelCode, &'a Label);

/// The orders that arrived before, in the order of what was asked for.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn find<T: Tenancy>(tx: &mut Tx<'_, T>, wanted: &[External<'_>]) -> Result<Vec<Option<OrderId>>, Error> {
    let rows: Vec<FoundRow> = statement(
        "select w.position, o.id
         from unnest($1, $2, $3) with ordinality as w (org_id, channel, external_reference, position)
         join orders o on o.org_id = w.org_id and o.channel = w.channel and o.external_reference = w.external_reference",
    )
    .bind::<Array<SqlUuid>, _>(column(wanted, |(organisation, ..)| organisation.uuid()))
    .bind::<Array<Text>, _>(column(wanted, |(_, channel, _)| channel.to_string()))
    .bind::<Array<Text>, _>(column(wanted, |(.., reference)| reference.to_string()))
    .load(tx.connection())
    .await?;
    let found: HashMap<i64, OrderId> = rows.into_iter().map(|row| (row.position, OrderId::from_uuid(row.id))).collect();
    Ok((1..).zip(wanted).map(|(position, _)| found.get(&position).copied()).collect())
}

/// What a channel says of an order that arrived before.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    /// Whose order it is.
    pub organisation: OrganisationId,
    /// The order.
    pub order: OrderId,
    /// The word, and its time.
    pub sold: &'a SoldElsewhere,
    /// Whether it says that the order is further along than it is here.
    pub is_beyond: bool,
}

/// A word of a channel that is kept.
#[derive(Debug, Clone, Copy)]
pub struct Heard {
    /// The order.
    pub order: OrderId,
    /// Whether the channel said something else of it before.
    pub is_new_word: bool,
}

/// Keeps what the channel said of orders where it is newer than what it said before, or another word of the same moment that is further
/// along: what comes again as it was is heard once, whatever was decided here since. Returns what was kept.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn hear<T: Tenancy>(tx: &mut Tx<'_, T>, said: &[Said<'_>]) -> Result<Vec<Heard>, Error> {
    let rows: Vec<HeardRow> = statement(
        "update orders o set raw_status = n.raw_status, raw_status_at = n.raw_status_at
         from unnest($1, $2, $3, $4, $5) as n (org_id, id, raw_status, raw_status_at, is_beyond)
         join orders was on was.org_id = n.org_id and was.id = n.id
                        and (was.raw_status_at < n.raw_status_at
                             or was.raw_status_at = n.raw_status_at and was.raw_status <> n.raw_status and n.is_beyond)
         where o.org_id = was.org_id and o.id = was.id
         returning o.id, was.raw_status <> n.raw_status as changed",
    )
    .bind::<Array<SqlUuid>, _>(column(said, |said| said.organisation.uuid()))
    .bind::<Array<SqlUuid>, _>(column(said, |said| said.order.uuid()))
    .bind::<Array<Text>, _>(column(said, |said| said.sold.raw_status.to_string()))
    .bind::<Array<Timestamptz>, _>(column(said, |said| said.sold.raw_status_at))
    .bind::<Array<Bool>, _>(column(said, |said| said.is_beyond))
    .load(tx.connection())
    .await?;
    let heard = |row: HeardRow| Heard { order: OrderId::from_uuid(row.id), is_new_word: row.changed };
    Ok(rows.into_iter().map(heard).collect())
}

/// What is still open of these orders.
///
/// # Errors
/// `Storage` when the database fails, `Corrupt` when a list of pieces cannot be read.
pub async fn open<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    orders: &[(OrganisationId, OrderId)],
) -> Result<HashMap<OrderId, Open>, Error> {
    if orders.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<OpenRow> = statement(
        "select p.order_id, 'parcel' as kind, p.id, p.lines
         from unnest($1, $2) as w (org_id, id)
         join order_parcels p on p.org_id = w.org_id and p.order_id = w.id and p.delivered_at is null
         union all
         select r.order_id, 'return', r.id, r.lines
         from unnest($1, $2) as w (org_id, id)
         join order_returns r on r.org_id = w.org_id and r.order_id = w.id and r.status in ('requested', 'approved')
         order by id",
    )
    .bind::<Array<SqlUuid>, _>(column(orders, |(organisation, _)| organisation.uuid()))
    .bind::<Array<SqlUuid>, _>(column(orders, |(_, order)| order.uuid()))
    .load(tx.connection())
    .await?;
    let mut open: HashMap<OrderId, Open> = HashMap::new();
    for OpenRow { order_id, kind, id, lines } in rows {
        let lines: Vec<SkuPieces> = serde_json::from_value(lines).map_err(|error| Error::corrupt(id, error))?;
        let of_order = open.entry(OrderId::from_uuid(order_id)).or_default();
        match kind.as_str() {
            "parcel" => of_order.parcels.push((ParcelId::from_uuid(id), lines)),
            _ => of_order.returns.push((ReturnId::from_uuid(id), lines)),
        }
    }
    Ok(open)
}

/// What happened to an order elsewhere.
#[derive(Debug)]
pub struct Happened<'a> {
    /// Whose order it is.
    pub organisation: OrganisationId,
    /// The order.
    pub order: OrderId,
    /// What happened to it.
    pub walk: &'a Walk,
    /// Who says so.
    pub actor: &'a str,
}

/// Writes the parcels, returns and payments that imports brought.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn write<T: Tenancy>(tx: &mut Tx<'_, T>, happened: &[Happened<'_>]) -> Result<(), Error> {
    let parcels: Vec<(&Happened<'_>, &Dispatch, Value)> = each(happened, |walk| &walk.parcels)
        .map(|(one, (dispatch, lines))| Ok((one, dispatch, json(dispatch.id, lines)?)))
        .collect::<Result<_, Error>>()?;
    let delivered: Vec<(&Happened<'_>, &ParcelId)> = each(happened, |walk| &walk.delivered).collect();
    let returns: Vec<ReturnRow<'_>> = each(happened, |walk| &walk.returns)
        .map(|(one, arrived)| ReturnRow::of(one, arrived))
        .collect::<Result<_, Error>>()?;
    let payments: Vec<(&Happened<'_>, &Payment)> = each(happened, |walk| &walk.payments).collect();
    if parcels.is_empty() && delivered.is_empty() && returns.is_empty() && payments.is_empty() {
        return Ok(());
    }
    // The number of a parcel that is known stays with that one: what left besides has none of its own.
    // A statement sees none of the rows that it inserts, so a parcel that left and arrived is inserted as one that arrived.
    let arrived = |parcel: &ParcelId| delivered.iter().any(|(_, id)| *id == parcel);
    let is_new = |parcel: &ParcelId| parcels.iter().any(|(_, dispatch, _)| dispatch.id == *parcel);
    let earlier: Vec<&(&Happened<'_>, &ParcelId)> = delivered.iter().filter(|(_, id)| !is_new(id)).collect();
    statement(
        "with sent as (
            insert into order_parcels (org_id, order_id, id, carrier, tracking_number, lines, shipped_at, delivered_at)
            select p.org_id, p.order_id, p.id, p.carrier,
                   case when not exists (
                       select from order_parcels known
                       where known.org_id = p.org_id and known.order_id = p.order_id
                         and coalesce(known.carrier, '') = coalesce(p.carrier, '') and known.tracking_number = p.tracking_number
                   ) then p.tracking_number end,
                   p.lines, now(), case when p.arrived then now() end
            from unnest($1, $2, $3, $4, $5, $6, $7)
                as p (org_id, order_id, id, carrier, tracking_number, lines, arrived)
        ), arrived as (
            update order_parcels p set delivered_at = now()
            from unnest($8, $9, $10) as n (org_id, order_id, id)
            where p.org_id = n.org_id and p.order_id = n.order_id and p.id = n.id
        ), back as (
            insert into order_returns as known (org_id, order_id, id, status, lines, restocked, written_off, requested_at,
                                                settled_at)
            select r.org_id, r.order_id, r.id, r.status, r.lines, r.restocked, r.written_off, now(),
                   case when r.status = 'received' then now() end
            from unnest($11, $12, $13, $14, $15, $16, $17)
                as r (org_id, order_id, id, status, lines, restocked, written_off)
            on conflict (org_id, order_id, id) do update
            set status = excluded.status, restocked = excluded.restocked, written_off = excluded.written_off,
                settled_at = excluded.settled_at
        )
        insert into order_payments (org_id, order_id, id, kind, provider, method, amount_minor, actor, recorded_at)
        select p.*, now() from unnest($18, $19, $20, $21, $22, $23, $24, $25)
            as p (org_id, order_id, id, kind, provider, method, amount_minor, actor)",
    )
    .bind::<Array<SqlUuid>, _>(column(&parcels, |(one, ..)| one.organisation.uuid()))
    .bind::<Array<SqlUuid>, _>(column(&parcels, |(one, ..)| one.order.uuid()))
    .bind::<Array<SqlUuid>, _>(column(&parcels, |(_, dispatch, _)| dispatch.id.uuid()))
    .bind::<Array<Nullable<Text>>, _>(column(&parcels, |(_, dispatch, _)| text(dispatch.carrier.as_ref())))
    .bind::<Array<Nullable<Text>>, _>(column(&parcels, |(_, dispatch, _)| text(dispatch.tracking_number.as_ref())))
    .bind::<Array<Jsonb>, _>(column(&parcels, |(.., lines)| lines.clone()))
    .bind::<Array<Bool>, _>(column(&parcels, |(_, dispatch, _)| arrived(&dispatch.id)))
    .bind::<Array<SqlUuid>, _>(column(&earlier, |(one, _)| one.organisation.uuid()))
    .bind::<Array<SqlUuid>, _>(column(&earlier, |(one, _)| one.order.uuid()))
    .bind::<Array<SqlUuid>, _>(column(&earlier, |(_, parcel)| parcel.uuid()))
    .bind::<Array<SqlUuid>, _>(column(&returns, |row| row.one.organisation.uuid()))
    .bind::<Array<SqlUuid>, _>(column(&returns, |row| row.one.order.uuid()))
    .bind::<Array<SqlUuid>, _>(column(&returns, |row| row.id.uuid()))
    .bind::<Array<Text>, _>(column(&returns, |row| <&str>::from(row.status)))
    .bind::<Array<Jsonb>, _>(column(&returns, |row| row.lines.clone()))
    .bind::<Array<Jsonb>, _>(column(&returns, |row| row.restocked.clone()))
    .bind::<Array<Jsonb>, _>(column(&returns, |row| row.written_off.clone()))
    .bind::<Array<SqlUuid>, _>(column(&payments, |(one, _)| one.organisation.uuid()))
    .bind::<Array<SqlUuid>, _>(column(&payments, |(one, _)| one.order.uuid()))
    .bind::<Array<SqlUuid>, _>(column(&payments, |(_, payment)| payment.id.uuid()))
    .bind::<Array<Text>, _>(column(&payments, |(_, payment)| <&str>::from(payment.kind)))
    .bind::<Array<Text>, _>(column(&payments, |(_, payment)| <&str>::from(payment.provider)))
    .bind::<Array<Text>, _>(column(&payments, |(_, payment)| payment.method.to_string()))
    .bind::<Array<BigInt>, _>(column(&payments, |(_, payment)| payment.amount.minor()))
    .bind::<Array<Text>, _>(column(&payments, |(one, _)| one.actor.to_owned()))
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Everything of one kind that happened, each with its order.
fn each<'a, V: 'a>(
    happened: &'a [Happened<'a>],
    of: fn(&Walk) -> &Vec<V>,
) -> impl Iterator<Item = (&'a Happened<'a>, &'a V)> {
    happened.iter().flat_map(move |one| of(one.walk).iter().map(move |thing| (one, thing)))
}

struct ReturnRow<'a> {
    one: &'a Happened<'a>,
    id: ReturnId,
    status: ReturnStatus,
    lines: Value,
    restocked: Value,
    written_off: Value,
}

impl<'a> ReturnRow<'a> {
    fn of(one: &'a Happened<'a>, ArrivedReturn { id, lines, received }: &ArrivedReturn) -> Result<Self, Error> {
        let status = if received.is_some() { ReturnStatus::Received } else { ReturnStatus::Requested };
        let (restocked, written_off) =
            received.as_ref().map(|(again, lost)| (again.as_slice(), lost.as_slice())).unwrap_or_default();
        Ok(Self {
            one,
            id: *id,
            status,
            lines: json(id, lines)?,
            restocked: json(id, restocked)?,
            written_off: json(id, written_off)?,
        })
    }
}

fn json(of: impl std::fmt::Display, lines: &[SkuPieces]) -> Result<Value, Error> {
    serde_json::to_value(lines).map_err(|error| Error::corrupt(of, error))
}

fn text(label: Option<&Label>) -> Option<String> {
    label.map(ToString::to_string)
}

fn column<T, V>(rows: &[T], value: impl Fn(&T) -> V) -> Vec<V> {
    rows.iter().map(value).collect()
}

#[derive(QueryableByName)]
struct FoundRow {
    #[diesel(sql_type = BigInt)]
    position: i64,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

#[derive(QueryableByName)]
struct HeardRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Bool)]
    changed: bool,
}

#[derive(QueryableByName)]
struct OpenRow {
    #[diesel(sql_type = SqlUuid)]
    order_id: Uuid,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Jsonb)]
    lines: Value,
}
