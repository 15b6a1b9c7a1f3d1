//! Inserts, locks and saves orders. The rules: every lock is taken in the order of the ids, and what a batch writes is
//! a fixed number of statements whatever its size.

use std::collections::{HashMap, HashSet};

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName,
    sql_types::{Array, BigInt, Binary, Bool, Double, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use kernel::{
    BuyerId, ChannelCode, Currency, CustomerId, Malformed, Money, OrderId, OrganisationId, ProductId, Sku, Timestamp,
    VariantId, parse_name,
};
use persistence::{Provenance, Tenancy, Tx, statement};
use uuid::Uuid;

use contracts::order::Pieces;

use crate::{
    domain::{
        Addition, Deadline, Event, Funds, Goods, Holder, Life, Line, LineLife, LinePrice, Marks, Order, Origin,
        PaymentStatus, Queued, Reference, Side, SoldElsewhere, Source, Status, Step, TokenDigest,
    },
    error::Error,
    schema::orders,
    store::additions,
};

/// An order that is about to be placed.
#[derive(Debug)]
pub struct NewOrder<'a> {
    /// Whose shop it is placed in.
    pub organisation: OrganisationId,
    /// Its identity.
    pub id: OrderId,
    /// How it came in.
    pub source: Source,
    /// Where it was sold.
    pub channel: &'a ChannelCode,
    /// What the channel said of it, where it was sold elsewhere.
    pub sold_elsewhere: Option<&'a SoldElsewhere>,
    /// When it was placed, where that was not now.
    pub placed_at: Option<Timestamp>,
    /// Its lines, each SKU once.
    pub lines: &'a [Line],
    /// What it comes to.
    pub total: Money,
    /// Whether it is paid for: what costs nothing is.
    pub payment: PaymentStatus,
    /// The shopper's reference.
    pub reference: Option<&'a Reference>,
    /// The digest of the token that its holder gets.
    pub token: TokenDigest,
    /// The customer who places it; none for a guest.
    pub customer: Option<CustomerId>,
    /// Where it is placed from, if that is counted.
    pub placed_from: Option<Origin>,
    /// Seconds until it is cancelled unless catalog has answered.
    pub deadline_seconds: u32,
    /// Who places it, as in `access::Caller::actor`.
    pub actor: &'a str,
}

/// What the database said of an order that was placed.
#[derive(Debug, Clone, Copy)]
pub struct Begun {
    /// Its number in the organisation.
    pub number: i64,
    /// The time of the transaction.
    pub at: Timestamp,
}

/// Writes orders, their lines and the beginning of their histories, in one statement. Returns what each began with, in the order of
/// the orders.
///
/// The numbers of all orders of an organisation are taken in one step, and its row stays locked until the transaction ends. Placing
/// does nothing after this statement but write the events and the replies, in one more round trip, so the row is locked for that and
/// the commit; a batch of queued orders also writes that they are decided. Groups of one command in one process follow each other anyway;
/// others wait that long, once per group and not per order.
/// Organisations are taken in the order of their ids, so two groups cannot wait for each other.
///
/// # Errors
/// `Storage` when the database fails or a constraint refuses.
pub async fn insert<T: Tenancy>(tx: &mut Tx<'_, T>, orders: &[NewOrder<'_>]) -> Result<Vec<Begun>, Error> {
    if orders.is_empty() {
        return Ok(Vec::new());
    }
    let lines: Vec<(&NewOrder<'_>, usize, &Line)> = orders
        .iter()
        .flat_map(|order| order.lines.iter().enumerate().map(move |(position, line)| (order, position, line)))
        .collect();
    let insert = statement(
        "with numbered as (
            insert into order_numbers as n (org_id, last)
            select o.org_id, 1000 + count(*) from unnest($1) as o (org_id) group by o.org_id order by o.org_id
            on conflict (org_id) do update set last = n.last + excluded.last - 1000
            returning n.org_id, n.last
        ), placed as (
            insert into orders (org_id, id, status, total_minor, currency, shopper_reference, token_digest, version,
                                placed_at, deadline_at, updated_at, customer_id, placed_from, source, channel,
                                payment_status, external_reference, raw_status, raw_status_at, stock_policy, number)
            select o.org_id, o.id, 'pending', o.total_minor, o.currency, o.reference, o.token_digest, 1,
                   coalesce(o.placed_at, now()), now() + make_interval(secs => o.deadline_seconds), now(), o.customer_id, o.placed_from,
                   o.source, o.channel, o.payment_status, o.external_reference, o.raw_status, o.raw_status_at,
                   o.stock_policy,
                   n.last + 1 - row_number() over (partition by o.org_id order by o.position desc)
            from unnest($1, $2, $3, $4, $5, $6, $7, $20, $21, $23, $24, $25, $30, $31, $32, $33, $34) with ordinality
                as o (org_id, id, total_minor, currency, reference, token_digest, deadline_seconds, customer_id,
                      placed_from, source, channel, payment_status, external_reference, raw_status, raw_status_at,
                      stock_policy, placed_at, position)
            join numbered n on n.org_id = o.org_id
            returning org_id, id, number
        ), written as (
            insert into order_lines (org_id, order_id, position, sku, product_id, variant_id, product_version, title,
                                     variant_title, quantity, unit_price_minor, cost_minor, discount_minor, tax_minor,
                                     shipping_minor, price_source)
            select * from unnest($9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $22, $26, $27, $28, $29)
        ), noted as (
            insert into order_history (org_id, order_id, version, from_status, to_status, event, payment_status,
                                       fulfilment_status, cause, actor, occurred_at)
            select o.org_id, o.id, 1, null, 'pending', 'placed', o.payment_status, 'unfulfilled', 'placed', o.actor, now()
            from unnest($1, $2, $8, $25) as o (org_id, id, actor, payment_status)
        )
        select id, number, now() as at from placed",
    )
    .bind::<Array<SqlUuid>, _>(column(orders, |order| order.organisation.uuid()))
    .bind::<Array<SqlUuid>, _>(column(orders, |order| order.id.uuid()))
    .bind::<Array<BigInt>, _>(column(orders, |order| order.total.minor()))
    .bind::<Array<Text>, _>(column(orders, |order| order.total.currency().code().to_owned()))
    .bind::<Array<Nullable<Text>>, _>(column(orders, |order| order.reference.map(|name| name.as_str().to_owned())))
    .bind::<Array<Binary>, _>(column(orders, |order| order.token.as_bytes().to_vec()))
    .bind::<Array<Double>, _>(column(orders, |order| f64::from(order.deadline_seconds)))
    .bind::<Array<Text>, _>(column(orders, |order| order.actor.to_owned()))
    .bind::<Array<SqlUuid>, _>(column(&lines, |(order, ..)| order.organisation.uuid()))
    .bind::<Array<SqlUuid>, _>(column(&lines, |(order, ..)| order.id.uuid()))
    // An order has a hundred lines at most.
    .bind::<Array<Integer>, _>(column(&lines, |(_, position, _)| i32::try_from(*position).unwrap_or(i32::MAX)))
    .bind::<Array<Text>, _>(column(&lines, |(.., line)| line.sku.to_string()))
    .bind::<Array<SqlUuid>, _>(column(&lines, |(.., line)| line.product.uuid()))
    .bind::<Array<SqlUuid>, _>(column(&lines, |(.., line)| line.variant.uuid()))
    .bind::<Array<BigInt>, _>(column(&lines, |(.., line)| line.product_version))
    .bind::<Array<Text>, _>(column(&lines, |(.., line)| line.title.clone()))
    .bind::<Array<Text>, _>(column(&lines, |(.., line)| line.variant_title.clone()))
    .bind::<Array<BigInt>, _>(column(&lines, |(.., line)| line.quantity.get()))
    .bind::<Array<BigInt>, _>(column(&lines, |(.., line)| line.unit_price.minor()))
    .bind::<Array<Nullable<SqlUuid>>, _>(column(orders, |order| order.customer.map(CustomerId::uuid)))
    .bind::<Array<Nullable<Binary>>, _>(column(orders, |order| order.placed_from.map(|from| from.as_bytes().to_vec())))
    .bind::<Array<Nullable<BigInt>>, _>(column(&lines, |(.., line)| line.price().cost))
    .bind::<Array<Text>, _>(column(orders, |order| <&str>::from(order.source)))
    .bind::<Array<Text>, _>(column(orders, |order| order.channel.to_string()))
    .bind::<Array<Text>, _>(column(orders, |order| <&str>::from(order.payment)))
    .bind::<Array<BigInt>, _>(column(&lines, |(.., line)| line.price().discount))
    .bind::<Array<BigInt>, _>(column(&lines, |(.., line)| line.price().tax))
    .bind::<Array<BigInt>, _>(column(&lines, |(.., line)| line.price().shipping))
    .bind::<Array<Text>, _>(column(&lines, |(.., line)| <&str>::from(line.price_source)))
    .bind::<Array<Nullable<Text>>, _>(column(orders, |order| said(order, |sold| sold.external_reference.to_string())))
    .bind::<Array<Nullable<Text>>, _>(column(orders, |order| said(order, |sold| sold.raw_status.to_string())))
    .bind::<Array<Nullable<Timestamptz>>, _>(column(orders, |order| said(order, |sold| sold.raw_status_at)))
    .bind::<Array<Text>, _>(column(orders, |order| {
        <&str>::from(said(order, |sold| sold.stock).unwrap_or_default())
    }))
    .bind::<Array<Nullable<Timestamptz>>, _>(column(orders, |order| order.placed_at));
    let rows: Vec<PlacedRow> = insert.load(tx.connection()).await.map_err(overtaken)?;
    let begun: HashMap<Uuid, Begun> =
        rows.into_iter().map(|PlacedRow { id, number, at }| (id, Begun { number, at })).collect();
    let of_order = |order: &NewOrder<'_>| {
        begun.get(&order.id.uuid()).copied().ok_or_else(|| Error::corrupt(order.id, "it was inserted and is not there"))
    };
    orders.iter().map(of_order).collect()
}

/// What the channel said of an order that was sold elsewhere.
fn said<V>(order: &NewOrder<'_>, what: impl Fn(&SoldElsewhere) -> V) -> Option<V> {
    order.sold_elsewhere.map(what)
}

/// Somebody else imported the same order meanwhile; the second attempt finds it.
fn overtaken(error: persistence::DieselError) -> Error {
    let error = persistence::Error::from(error);
    if error.is_unique("orders_external_reference") { Error::Overtaken } else { Error::Storage(error) }
}

/// Locks the orders until the transaction ends and reads what transitions need; an order that does not exist is left
/// out. The lines are read after the lock: a statement that locks sees other rows as they were before it waited.
///
/// # Errors
/// `Storage` when the database fails, `Corrupt` when a row breaks a rule of the domain.
pub async fn lock<T: Tenancy>(tx: &mut Tx<'_, T>, wanted: &[(OrganisationId, OrderId)]) -> Result<Vec<Order>, Error> {
    // Diesel cannot join what is looked for as a table.
    let rows: Vec<LockedRow> = statement(
        "select o.org_id, o.id, o.number, o.source, o.stock_policy, o.oversold, o.adding, o.status, o.held, o.held_by_channel, o.cancel_asked_by_channel, o.completed, o.channel, o.customer_id, o.total_minor, o.currency,
                o.authorised_minor, o.paid_minor, o.refunded_minor, o.version, o.deadline_at <= now() as overdue, now() as now,
                c.buyer_id
         from unnest($1, $2) as wanted (org_id, id)
         join orders o on o.org_id = wanted.org_id and o.id = wanted.id
         left join order_contacts c on c.org_id = o.org_id and c.order_id = o.id
         order by o.org_id, o.id
         for update of o",
    )
    .bind::<Array<SqlUuid>, _>(column(wanted, |(organisation, _)| organisation.uuid()))
    .bind::<Array<SqlUuid>, _>(column(wanted, |(_, order)| order.uuid()))
    .load(tx.connection())
    .await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let lines: Vec<LineRow> = statement(
        "select l.org_id, l.order_id, l.sku, l.product_id, l.variant_id, l.product_version, l.quantity, l.unit_price_minor, l.cost_minor,
                l.discount_minor, l.tax_minor, l.shipping_minor, l.packed, l.shipped, l.delivered, l.cancelled,
                l.return_requested, l.returned, l.written_off
         from unnest($1, $2) as wanted (org_id, id)
         join order_lines l on l.org_id = wanted.org_id and l.order_id = wanted.id
         order by l.org_id, l.order_id, l.position",
    )
    .bind::<Array<SqlUuid>, _>(column(&rows, |row| row.org_id))
    .bind::<Array<SqlUuid>, _>(column(&rows, |row| row.id))
    .load(tx.connection())
    .await?;
    let mut of_order: HashMap<(Uuid, Uuid), Vec<LineRow>> = HashMap::with_capacity(rows.len());
    for line in lines {
        of_order.entry((line.org_id, line.order_id)).or_default().push(line);
    }
    let waiting: Vec<(Uuid, Uuid)> = rows.iter().filter(|row| row.adding).map(|row| (row.org_id, row.id)).collect();
    let mut additions = additions::open(tx, &waiting).await?;
    rows.into_iter()
        .map(|row| {
            let key = (row.org_id, row.id);
            let (order, lines) = (OrderId::from_uuid(row.id), of_order.remove(&key).unwrap_or_default());
            row.order(lines, additions.remove(&key)).map_err(|malformed| Error::corrupt(order, malformed))
        })
        .collect()
}

/// Moves the deadlines of those of the organisation's orders that are pending, never back and never beyond the limit.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn postpone(tx: &mut Tx<'_>, wanted: &[OrderId], deadline: Deadline) -> Result<(), Error> {
    statement(
        "with waiting as (
            select org_id, id from orders where org_id = $1 and id = any($2) and status = 'pending'
            order by id for update
        )
        update orders o
        set deadline_at = greatest(o.deadline_at, least(now() + make_interval(secs => $3),
                                                        o.placed_at + make_interval(secs => $4)))
        from waiting w where o.org_id = w.org_id and o.id = w.id",
    )
    .bind::<SqlUuid, _>(tx.organisation().uuid())
    .bind::<Array<SqlUuid>, _>(column(wanted, |order| order.uuid()))
    .bind::<Double, _>(deadline.extension())
    .bind::<Double, _>(f64::from(deadline.limit_seconds))
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// What proves whose an order is: the digest of its token, and its customer if it has one. No lock is needed: a token never
/// changes, and a customer is set once.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn proofs(tx: &mut Tx<'_>, order: OrderId) -> Result<Option<(TokenDigest, Option<CustomerId>)>, Error> {
    let row: Option<(Vec<u8>, Option<Uuid>)> = orders::table
        .filter(orders::org_id.eq(tx.organisation().uuid()))
        .filter(orders::id.eq(order.uuid()))
        .select((orders::token_digest, orders::customer_id))
        .get_result(tx.connection())
        .await
        .optional()?;
    Ok(row.map(|(digest, customer)| (TokenDigest::stored(digest), customer.map(CustomerId::from_uuid))))
}

/// Gives an order that the caller has locked, and that has no customer, to this one.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn claim(tx: &mut Tx<'_>, order: OrderId, customer: CustomerId) -> Result<(), Error> {
    let row = orders::table
        .filter(orders::org_id.eq(tx.organisation().uuid()))
        .filter(orders::id.eq(order.uuid()))
        .filter(orders::customer_id.is_null());
    diesel::update(row).set(orders::customer_id.eq(customer.uuid())).execute(tx.connection()).await?;
    Ok(())
}

/// How many open orders of the last day each of these holders has in the shop of the organisation, with or without those that
/// wait for their turn; each of the two is counted up to the most that the holder may have.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn open_holds<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    holders: &[(OrganisationId, Holder, u32)],
    queued: Queued,
) -> Result<HashMap<(OrganisationId, Holder), i64>, Error> {
    let mut counts = HashMap::new();
    if holders.is_empty() {
        return Ok(counts);
    }
    let customer = |holder: &Holder| match holder {
        Holder::Customer(customer) => Some(customer.uuid()),
        Holder::Origin(_) => None,
    };
    let origin = |holder: &Holder| match holder {
        Holder::Customer(_) => None,
        Holder::Origin(origin) => Some(origin.as_bytes().to_vec()),
    };
    let rows: Vec<CountRow> = statement(
        "select w.position,
                case when w.customer_id is not null
                     then (select count(*) from (
                             select 1 from orders o
                              where o.org_id = w.org_id and o.customer_id = w.customer_id and o.source = 'shop'
                                and o.status in ('pending', 'confirmed', 'on-hold', 'packed', 'cancel-requested')
                                and (o.payment_status = 'unpaid' or o.total_minor = 0)
                                and o.placed_at > now() - interval '1 day'
                              limit w.most) as counted)
                        + (select count(*) from (
                             select 1 from order_intake i
                              where i.org_id = w.org_id and i.customer_id = w.customer_id and i.status = 'queued'
                                and coalesce(i.wanted -> 'draft' ->> 'source', 'shop') = 'shop'
                              limit case when $5 then w.most else 0 end) as waiting)
                     else (select count(*) from (
                             select 1 from orders o
                              where o.org_id = w.org_id and o.placed_from = w.placed_from
                                and o.status in ('pending', 'confirmed', 'on-hold', 'packed', 'cancel-requested')
                                and (o.payment_status = 'unpaid' or o.total_minor = 0)
                                and o.placed_at > now() - interval '1 day'
                              limit w.most) as counted)
                        + (select count(*) from (
                             select 1 from order_intake i
                              where i.org_id = w.org_id and i.placed_from = w.placed_from and i.status = 'queued'
                              limit case when $5 then w.most else 0 end) as waiting)
                end as open
         from unnest($1, $2, $3, $4) with ordinality as w (org_id, customer_id, placed_from, most, position)",
    )
    .bind::<Array<SqlUuid>, _>(column(holders, |(organisation, ..)| organisation.uuid()))
    .bind::<Array<Nullable<SqlUuid>>, _>(column(holders, |(_, holder, _)| customer(holder)))
    .bind::<Array<Nullable<Binary>>, _>(column(holders, |(_, holder, _)| origin(holder)))
    .bind::<Array<BigInt>, _>(column(holders, |(.., most)| i64::from(*most)))
    .bind::<Bool, _>(queued == Queued::Counted)
    .load(tx.connection())
    .await?;
    for row in rows {
        let position = usize::try_from(row.position - 1).ok().and_then(|position| holders.get(position));
        if let Some((organisation, holder, _)) = position {
            counts.insert((*organisation, *holder), row.open);
        }
    }
    Ok(counts)
}

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = BigInt)]
    position: i64,
    #[diesel(sql_type = BigInt)]
    open: i64,
}

/// One row of an order's history.
#[derive(Debug)]
pub struct HistoryEntry<'a> {
    /// The transition.
    pub step: &'a Step,
    /// Who acted, and which event made them.
    pub provenance: &'a Provenance,
}

/// Writes the changed orders, the pieces of their lines and the history of how they changed, in one statement. An order that took two
/// steps in one batch is written once and gets two rows of history. A line is written only where a piece of it moved or was added.
///
/// # Errors
/// `Storage` when the database fails, `Corrupt` when a detail has no JSON form.
pub async fn save<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    changed: &[&Order],
    history: &[HistoryEntry<'_>],
) -> Result<(), Error> {
    let mut details = Vec::with_capacity(history.len());
    for entry in history {
        let json = serde_json::to_value(entry.step.details());
        details.push(json.map_err(|error| Error::corrupt(entry.step.order, error))?);
    }
    let raised: HashSet<((OrganisationId, OrderId), &Sku)> = history
        .iter()
        .filter(|entry| matches!(entry.step.event, Event::AdditionGiven(_)))
        .flat_map(|entry| entry.step.moved.iter().map(|line| ((entry.step.organisation, entry.step.order), &line.sku)))
        .collect();
    let moved: Vec<(&Order, &Goods, &Pieces)> = changed
        .iter()
        .flat_map(|order| order.goods.iter().zip(&order.life.lines).map(|(goods, line)| (*order, goods, &line.pieces)))
        .filter(|(order, goods, pieces)| {
            let untouched = Pieces { ordered: pieces.ordered, reserved: pieces.reserved, ..Pieces::default() };
            **pieces != untouched || raised.contains(&(order.key(), &goods.sku))
        })
        .collect();
    statement(
        "with saved as (
            update orders o
            set status = n.status, payment_status = n.payment, fulfilment_status = n.fulfilment, version = n.version,
                held = n.held, completed = n.completed, oversold = n.oversold, authorised_minor = n.authorised, paid_minor = n.paid,
                refunded_minor = n.refunded, total_minor = n.total, adding = n.adding, held_by_channel = n.held_by_channel,
                cancel_asked_by_channel = n.cancel_asked_by_channel, updated_at = now(),
                settled_at = case when n.status = 'pending' then o.settled_at else coalesce(o.settled_at, now()) end
            from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $35, $36, $37, $39, $40)
                as n (org_id, id, status, payment, fulfilment, version, held, completed, authorised, paid, refunded,
                      oversold, total, adding, held_by_channel, cancel_asked_by_channel)
            where o.org_id = n.org_id and o.id = n.id
        ), moved as (
            update order_lines l
            set quantity = n.ordered, packed = n.packed, shipped = n.shipped, delivered = n.delivered, cancelled = n.cancelled,
                return_requested = n.return_requested, returned = n.returned, written_off = n.written_off
            from unnest($12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $38)
                as n (org_id, order_id, sku, packed, shipped, delivered, cancelled, return_requested, returned, written_off,
                      ordered)
            where l.org_id = n.org_id and l.order_id = n.order_id and l.sku = n.sku
        )
        insert into order_history (org_id, order_id, version, from_status, to_status, event, payment_status,
                                   fulfilment_status, cause, actor, source_event, reason, details, occurred_at)
        select h.*, now()
        from unnest($22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34)
            as h (org_id, order_id, version, from_status, to_status, event, payment_status, fulfilment_status, cause, actor,
                  source_event, reason, details)",
    )
    .bind::<Array<SqlUuid>, _>(column(changed, |order| order.organisation.uuid()))
    .bind::<Array<SqlUuid>, _>(column(changed, |order| order.id.uuid()))
    .bind::<Array<Text>, _>(column(changed, |order| <&str>::from(order.status())))
    .bind::<Array<Text>, _>(column(changed, |order| <&str>::from(order.payment())))
    .bind::<Array<Text>, _>(column(changed, |order| <&str>::from(order.fulfilment())))
    .bind::<Array<BigInt>, _>(column(changed, |order| order.version))
    .bind::<Array<Bool>, _>(column(changed, |order| order.life.held.is_some()))
    .bind::<Array<Bool>, _>(column(changed, |order| order.life.completed))
    .bind::<Array<BigInt>, _>(column(changed, |order| order.life.funds.authorised))
    .bind::<Array<BigInt>, _>(column(changed, |order| order.life.funds.received))
    .bind::<Array<BigInt>, _>(column(changed, |order| order.life.funds.refunded))
    .bind::<Array<SqlUuid>, _>(column(&moved, |(order, ..)| order.organisation.uuid()))
    .bind::<Array<SqlUuid>, _>(column(&moved, |(order, ..)| order.id.uuid()))
    .bind::<Array<Text>, _>(column(&moved, |(_, goods, _)| goods.sku.to_string()))
    .bind::<Array<BigInt>, _>(column(&moved, |(.., pieces)| pieces.packed))
    .bind::<Array<BigInt>, _>(column(&moved, |(.., pieces)| pieces.shipped))
    .bind::<Array<BigInt>, _>(column(&moved, |(.., pieces)| pieces.delivered))
    .bind::<Array<BigInt>, _>(column(&moved, |(.., pieces)| pieces.cancelled))
    .bind::<Array<BigInt>, _>(column(&moved, |(.., pieces)| pieces.return_requested))
    .bind::<Array<BigInt>, _>(column(&moved, |(.., pieces)| pieces.returned))
    .bind::<Array<BigInt>, _>(column(&moved, |(.., pieces)| pieces.written_off))
    .bind::<Array<SqlUuid>, _>(column(history, |entry| entry.step.organisation.uuid()))
    .bind::<Array<SqlUuid>, _>(column(history, |entry| entry.step.order.uuid()))
    .bind::<Array<BigInt>, _>(column(history, |entry| entry.step.version))
    .bind::<Array<Text>, _>(column(history, |entry| <&str>::from(entry.step.from)))
    .bind::<Array<Text>, _>(column(history, |entry| <&str>::from(entry.step.standing.status)))
    .bind::<Array<Text>, _>(column(history, |entry| <&str>::from(&entry.step.event)))
    .bind::<Array<Text>, _>(column(history, |entry| <&str>::from(entry.step.standing.payment)))
    .bind::<Array<Text>, _>(column(history, |entry| <&str>::from(entry.step.standing.fulfilment)))
    .bind::<Array<Text>, _>(column(history, |entry| entry.step.cause))
    .bind::<Array<Text>, _>(column(history, |entry| entry.provenance.actor.clone()))
    .bind::<Array<Nullable<SqlUuid>>, _>(column(history, |entry| entry.provenance.causation))
    .bind::<Array<Nullable<Text>>, _>(column(history, |entry| entry.step.reason.as_ref().map(ToString::to_string)))
    .bind::<Array<Jsonb>, _>(details)
    .bind::<Array<Bool>, _>(column(changed, |order| order.life.oversold))
    .bind::<Array<BigInt>, _>(column(changed, |order| order.total.minor()))
    .bind::<Array<Bool>, _>(column(changed, |order| order.life.addition.is_some()))
    .bind::<Array<BigInt>, _>(column(&moved, |(.., pieces)| pieces.ordered))
    .bind::<Array<Bool>, _>(column(changed, |order| order.life.held == Some(Side::Channel)))
    .bind::<Array<Bool>, _>(column(changed, |order| order.life.cancel_requested == Some(Side::Channel)))
    .execute(tx.connection())
    .await?;
    Ok(())
}

fn column<T, V>(rows: &[T], value: impl Fn(&T) -> V) -> Vec<V> {
    rows.iter().map(value).collect()
}

#[derive(QueryableByName)]
struct PlacedRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = Timestamptz)]
    at: Timestamp,
}

#[derive(QueryableByName)]
struct LockedRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Nullable<BigInt>)]
    number: Option<i64>,
    #[diesel(sql_type = Text)]
    source: String,
    #[diesel(sql_type = Text)]
    stock_policy: String,
    #[diesel(sql_type = Bool)]
    oversold: bool,
    /// Whether an addition is open.
    #[diesel(sql_type = Bool)]
    adding: bool,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Bool)]
    held: bool,
    #[diesel(sql_type = Bool)]
    held_by_channel: bool,
    #[diesel(sql_type = Bool)]
    cancel_asked_by_channel: bool,
    #[diesel(sql_type = Bool)]
    completed: bool,
    #[diesel(sql_type = Text)]
    channel: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    customer_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    buyer_id: Option<Uuid>,
    #[diesel(sql_type = BigInt)]
    total_minor: i64,
    #[diesel(sql_type = Text)]
    currency: String,
    #[diesel(sql_type = BigInt)]
    authorised_minor: i64,
    #[diesel(sql_type = BigInt)]
    paid_minor: i64,
    #[diesel(sql_type = BigInt)]
    refunded_minor: i64,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Bool)]
    overdue: bool,
    #[diesel(sql_type = Timestamptz)]
    now: Timestamp,
}

#[derive(QueryableByName)]
struct LineRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    order_id: Uuid,
    #[diesel(sql_type = Text)]
    sku: String,
    #[diesel(sql_type = SqlUuid)]
    product_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    variant_id: Uuid,
    #[diesel(sql_type = BigInt)]
    product_version: i64,
    #[diesel(sql_type = BigInt)]
    quantity: i64,
    #[diesel(sql_type = BigInt)]
    unit_price_minor: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    cost_minor: Option<i64>,
    #[diesel(sql_type = BigInt)]
    discount_minor: i64,
    #[diesel(sql_type = BigInt)]
    tax_minor: i64,
    #[diesel(sql_type = BigInt)]
    shipping_minor: i64,
    #[diesel(sql_type = BigInt)]
    packed: i64,
    #[diesel(sql_type = BigInt)]
    shipped: i64,
    #[diesel(sql_type = BigInt)]
    delivered: i64,
    #[diesel(sql_type = BigInt)]
    cancelled: i64,
    #[diesel(sql_type = BigInt)]
    return_requested: i64,
    #[diesel(sql_type = BigInt)]
    returned: i64,
    #[diesel(sql_type = BigInt)]
    written_off: i64,
}

impl LineRow {
    fn life(&self, status: Status) -> LineLife {
        let counted = Pieces {
            ordered: self.quantity,
            reserved: 0,
            packed: self.packed,
            shipped: self.shipped,
            delivered: self.delivered,
            cancelled: self.cancelled,
            return_requested: self.return_requested,
            returned: self.returned,
            written_off: self.written_off,
        };
        let price = LinePrice {
            unit: self.unit_price_minor,
            discount: self.discount_minor,
            tax: self.tax_minor,
            shipping: self.shipping_minor,
            cost: self.cost_minor,
        };
        LineLife::restore(status, counted, price)
    }

    fn goods(&self) -> Result<Goods, Malformed> {
        Ok(Goods {
            sku: Sku::parse(&self.sku)?,
            product: ProductId::from_uuid(self.product_id),
            variant: VariantId::from_uuid(self.variant_id),
            product_version: self.product_version,
        })
    }
}

impl LockedRow {
    fn order(self, lines: Vec<LineRow>, addition: Option<Addition>) -> Result<Order, Malformed> {
        let status: Status = parse_name("order status", &self.status)?;
        let funds =
            Funds { authorised: self.authorised_minor, received: self.paid_minor, refunded: self.refunded_minor };
        let lives = lines.iter().map(|line| line.life(status)).collect();
        let source: Source = parse_name("source", &self.source)?;
        let marks = Marks {
            held: self.held.then_some(Side::of(self.held_by_channel)),
            asking: Side::of(self.cancel_asked_by_channel),
            completed: self.completed,
            sold_elsewhere: source == Source::Import,
            oversold: self.oversold,
        };
        if self.adding && addition.is_none() {
            return Err(Malformed::new("the order's addition", "is waited for and is not there"));
        }
        let goods: Vec<Goods> = lines.iter().map(LineRow::goods).collect::<Result<_, _>>()?;
        let asked = addition.as_ref().map(|addition| addition.asked(goods.iter().map(|goods| &goods.sku)));
        let life = Life::restore(status, marks, asked, lives, funds)?;
        Ok(Order {
            organisation: OrganisationId::from_uuid(self.org_id),
            id: OrderId::from_uuid(self.id),
            now: self.now,
            version: self.version,
            overdue: self.overdue,
            number: self.number,
            source,
            stock: parse_name("stock policy", &self.stock_policy)?,
            channel: ChannelCode::parse(&self.channel)?,
            customer: self.customer_id.map(CustomerId::from_uuid),
            buyer: self.buyer_id.map(BuyerId::from_uuid),
            total: Money::from_minor(self.total_minor, Currency::parse(&self.currency)?)?,
            goods,
            addition: addition.filter(|_| life.addition.is_some()),
            life,
        })
    }
}
