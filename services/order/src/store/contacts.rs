//! Who ordered and what was said with each order. The rules: orders that name nobody cost no statement, records of people are
//! locked in the order of their keys, and a person is emptied in one row per order.

use std::collections::{BTreeMap, HashMap};

use diesel::{
    OptionalExtension, QueryableByName,
    sql_types::{Array, BigInt, Bool, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use kernel::{BuyerId, CustomerId, OrderId, OrganisationId, Timestamp};
use persistence::{Tenancy, Tx, statement};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    domain::{Address, BuyerKey, Contact, ContactDetails, Reference},
    error::Error,
};

/// What is said with an order that is placed.
#[derive(Debug)]
pub struct NewContact<'a> {
    /// Whose shop it is placed in.
    pub organisation: OrganisationId,
    /// The order.
    pub order: OrderId,
    /// The customer who places it; none for a guest.
    pub customer: Option<CustomerId>,
    /// Who orders and where it goes.
    pub details: &'a ContactDetails,
    /// The shopper's reference.
    pub reference: Option<&'a Reference>,
    /// When it was placed elsewhere; now where it is placed here.
    pub placed_at: Option<Timestamp>,
}

impl NewContact<'_> {
    fn key(&self) -> Option<(OrganisationId, BuyerKey)> {
        Some((self.organisation, BuyerKey::of(self.customer, self.details.contact.as_ref())?))
    }

    fn says_something(&self) -> bool {
        !self.details.is_empty() || self.reference.is_some() || self.customer.is_some()
    }

    fn contact(&self) -> Option<&Contact> {
        self.details.contact.as_ref()
    }
}

/// Keeps what was said with these orders, and counts them for whoever placed them. Returns the person's record of each order that
/// has one.
///
/// # Errors
/// `Storage` when the database fails, `Corrupt` when an address has no JSON form.
pub async fn insert<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    said: &[NewContact<'_>],
) -> Result<HashMap<OrderId, BuyerId>, Error> {
    let said: Vec<&NewContact<'_>> = said.iter().filter(|said| said.says_something()).collect();
    if said.is_empty() {
        return Ok(HashMap::new());
    }
    let buyers = count(tx, &said).await?;
    let buyer = |said: &&NewContact<'_>| said.key().and_then(|key| buyers.get(&key).copied());
    let address = |address: Option<&Address>, order: OrderId| {
        address.map(serde_json::to_value).transpose().map_err(|error| Error::corrupt(order, error))
    };
    let shipping: Vec<Option<Value>> = said
        .iter()
        .map(|said| address(said.details.shipping_address.as_ref(), said.order))
        .collect::<Result<_, _>>()?;
    let billing: Vec<Option<Value>> =
        said.iter().map(|said| address(said.details.billing_address.as_ref(), said.order)).collect::<Result<_, _>>()?;
    let words = |said: &&NewContact<'_>| {
        [said.details.words(), said.reference.map(ToString::to_string).unwrap_or_default()].join(" ")
    };
    statement(
        "insert into order_contacts (org_id, order_id, buyer_id, name, email, phone, shipping_address, billing_address,
                                     search_text)
         select c.org_id, c.order_id, c.buyer_id, c.name, c.email, c.phone, c.shipping, c.billing, search_text(c.words)
         from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9)
             as c (org_id, order_id, buyer_id, name, email, phone, shipping, billing, words)",
    )
    .bind::<Array<SqlUuid>, _>(column(&said, |said| said.organisation.uuid()))
    .bind::<Array<SqlUuid>, _>(column(&said, |said| said.order.uuid()))
    .bind::<Array<Nullable<SqlUuid>>, _>(column(&said, |said| buyer(said).map(BuyerId::uuid)))
    .bind::<Array<Nullable<Text>>, _>(column(&said, |said| name(said.contact())))
    .bind::<Array<Nullable<Text>>, _>(column(&said, |said| email(said.contact())))
    .bind::<Array<Nullable<Text>>, _>(column(&said, |said| phone(said.contact())))
    .bind::<Array<Nullable<Jsonb>>, _>(shipping)
    .bind::<Array<Nullable<Jsonb>>, _>(billing)
    .bind::<Array<Text>, _>(column(&said, words))
    .execute(tx.connection())
    .await?;
    Ok(said.iter().filter_map(|said| Some((said.order, buyer(said)?))).collect())
}

/// What the orders of one group say of a person: of each thing, what was said last.
#[derive(Default)]
struct Counted {
    orders: i64,
    /// When the first and the last of them were placed elsewhere, where all were.
    span: Option<(Timestamp, Timestamp)>,
    customer: Option<CustomerId>,
    name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
}

impl Counted {
    fn count(&mut self, said: &NewContact<'_>) {
        self.span = match (self.orders, self.span, said.placed_at) {
            (0, _, Some(at)) => Some((at, at)),
            (_, Some((first, last)), Some(at)) => Some((first.min(at), last.max(at))),
            _ => None,
        };
        self.orders += 1;
        self.customer = said.customer.or(self.customer);
        self.name = name(said.contact()).or(self.name.take());
        self.email = email(said.contact()).or(self.email.take());
        self.phone = phone(said.contact()).or(self.phone.take());
    }
}

/// Counts the orders for whoever placed them, each person once however many orders of theirs there are.
async fn count<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    said: &[&NewContact<'_>],
) -> Result<HashMap<(OrganisationId, BuyerKey), BuyerId>, Error> {
    // Sorted, so that transactions that count the same people lock them in the same order.
    let mut people: BTreeMap<(OrganisationId, BuyerKey), Counted> = BTreeMap::new();
    for said in said {
        if let Some(key) = said.key() {
            people.entry(key).or_default().count(said);
        }
    }
    if people.is_empty() {
        return Ok(HashMap::new());
    }
    let people: Vec<_> = people.into_iter().collect();
    let rows: Vec<BuyerRow> = statement(
        "insert into buyers as b (org_id, id, key, customer_id, name, email, phone, search_text, orders, first_order_at,
                                  last_order_at)
         select n.org_id, n.id, n.key, n.customer_id, n.name, n.email, n.phone,
                search_text(concat_ws(' ', n.name, n.email, n.phone, regexp_replace(n.phone, '[^0-9]', '', 'g'))),
                n.orders, coalesce(n.first_at, now()), coalesce(n.last_at, now())
         from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             with ordinality as n (org_id, id, key, customer_id, name, email, phone, orders, first_at, last_at, position)
         order by n.position
         on conflict (org_id, key) do update
         set orders = b.orders + excluded.orders, first_order_at = least(b.first_order_at, excluded.first_order_at),
             last_order_at = greatest(b.last_order_at, excluded.last_order_at),
             (name, email, phone, search_text) = (
                 select s.name, s.email, s.phone,
                        search_text(concat_ws(' ', s.name, s.email, s.phone, regexp_replace(s.phone, '[^0-9]', '', 'g')))
                 from (select coalesce(excluded.name, b.name), coalesce(excluded.email, b.email), coalesce(excluded.phone, b.phone)
                       where excluded.last_order_at >= b.last_order_at
                       union all
                       select coalesce(b.name, excluded.name), coalesce(b.email, excluded.email), coalesce(b.phone, excluded.phone)
                       where excluded.last_order_at < b.last_order_at) s (name, email, phone))
         returning b.org_id, b.id, b.key",
    )
    .bind::<Array<SqlUuid>, _>(column(&people, |((organisation, _), _)| organisation.uuid()))
    .bind::<Array<SqlUuid>, _>(column(&people, |_| BuyerId::new().uuid()))
    .bind::<Array<Text>, _>(column(&people, |((_, key), _)| key.as_str().to_owned()))
    .bind::<Array<Nullable<SqlUuid>>, _>(column(&people, |(_, counted)| counted.customer.map(CustomerId::uuid)))
    .bind::<Array<Nullable<Text>>, _>(column(&people, |(_, counted)| counted.name.clone()))
    .bind::<Array<Nullable<Text>>, _>(column(&people, |(_, counted)| counted.email.clone()))
    .bind::<Array<Nullable<Text>>, _>(column(&people, |(_, counted)| counted.phone.clone()))
    .bind::<Array<BigInt>, _>(column(&people, |(_, counted)| counted.orders))
    .bind::<Array<Nullable<Timestamptz>>, _>(column(&people, |(_, counted)| counted.span.map(|(first, _)| first)))
    .bind::<Array<Nullable<Timestamptz>>, _>(column(&people, |(_, counted)| counted.span.map(|(_, last)| last)))
    .load(tx.connection())
    .await?;
    let found = |row: BuyerRow| {
        let key = (OrganisationId::from_uuid(row.org_id), BuyerKey::stored(row.key));
        (key, BuyerId::from_uuid(row.id))
    };
    Ok(rows.into_iter().map(found).collect())
}

/// Locks the record of a person until the transaction ends; whether they were forgotten already, and `None` when there is no such
/// person.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn lock_buyer(tx: &mut Tx<'_>, buyer: BuyerId) -> Result<Option<bool>, Error> {
    let row: Option<ErasedRow> =
        statement("select erased_at is not null as erased from buyers where org_id = $1 and id = $2 for update")
            .bind::<SqlUuid, _>(tx.organisation().uuid())
            .bind::<SqlUuid, _>(buyer.uuid())
            .get_result(tx.connection())
            .await
            .optional()?;
    Ok(row.map(|row| row.erased))
}

/// Orders of a person that still say something, the oldest first, at most so many.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn telling_orders(tx: &mut Tx<'_>, buyer: BuyerId, most: i64) -> Result<Vec<OrderId>, Error> {
    let rows: Vec<OrderRow> = statement(
        "select order_id from order_contacts where org_id = $1 and buyer_id = $2 and erased_at is null
         order by order_id limit $3",
    )
    .bind::<SqlUuid, _>(tx.organisation().uuid())
    .bind::<SqlUuid, _>(buyer.uuid())
    .bind::<BigInt, _>(most)
    .load(tx.connection())
    .await?;
    Ok(rows.into_iter().map(|row| OrderId::from_uuid(row.order_id)).collect())
}

/// Whether anything that a shopper said is kept with an order.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn tells(tx: &mut Tx<'_>, order: OrderId) -> Result<bool, Error> {
    let row: TellsRow = statement(
        "select exists (select from order_contacts where org_id = $1 and order_id = $2 and erased_at is null)
                or exists (select from orders where org_id = $1 and id = $2
                             and (shopper_reference is not null or placed_from is not null))
                or exists (select from order_history where org_id = $1 and order_id = $2 and reason is not null
                             and (actor = 'shopper' or starts_with(actor, 'cust_'))) as tells",
    )
    .bind::<SqlUuid, _>(tx.organisation().uuid())
    .bind::<SqlUuid, _>(order.uuid())
    .get_result(tx.connection())
    .await?;
    Ok(row.tells)
}

/// Empties the record of a person, so that no order is theirs from now on. Orders of their account that are nobody's become theirs
/// first: those that have no word of it, because a replica of the release before placed them, and those that they claimed after
/// somebody without a name, an address or a number had placed them.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn erase_person(tx: &mut Tx<'_>, buyer: BuyerId) -> Result<(), Error> {
    statement(
        "with unsaid as (
            insert into order_contacts (org_id, order_id, buyer_id)
            select o.org_id, o.id, b.id from buyers b join orders o on o.org_id = b.org_id and o.customer_id = b.customer_id
            where b.org_id = $1 and b.id = $2
            on conflict (org_id, order_id) do update set buyer_id = excluded.buyer_id where order_contacts.buyer_id is null
        )
        update buyers set key = null, customer_id = null, name = null, email = null, phone = null, search_text = '  ',
                          erased_at = now()
        where org_id = $1 and id = $2",
    )
    .bind::<SqlUuid, _>(tx.organisation().uuid())
    .bind::<SqlUuid, _>(buyer.uuid())
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Empties what was said with orders, which the caller has locked: the contact, the shopper's own reference and reasons, and from where it
/// was placed.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn erase_orders(tx: &mut Tx<'_>, orders: &[OrderId]) -> Result<(), Error> {
    statement(
        "with emptied as (
            update order_contacts set name = null, email = null, phone = null, shipping_address = null,
                                      billing_address = null, search_text = '  ', erased_at = now()
            where org_id = $1 and order_id = any($2)
        ), wordless as (
            update order_history set reason = null
            where org_id = $1 and order_id = any($2) and reason is not null
              and (actor = 'shopper' or starts_with(actor, 'cust_'))
        )
        update orders set shopper_reference = null, placed_from = null where org_id = $1 and id = any($2)",
    )
    .bind::<SqlUuid, _>(tx.organisation().uuid())
    .bind::<Array<SqlUuid>, _>(orders.iter().map(|order| order.uuid()).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    Ok(())
}

fn name(contact: Option<&Contact>) -> Option<String> {
    contact?.name.as_ref().map(ToString::to_string)
}

fn email(contact: Option<&Contact>) -> Option<String> {
    contact?.email.as_ref().map(ToString::to_string)
}

fn phone(contact: Option<&Contact>) -> Option<String> {
    contact?.phone.as_ref().map(ToString::to_string)
}

fn column<T, V>(rows: &[T], value: impl Fn(&T) -> V) -> Vec<V> {
    rows.iter().map(value).collect()
}

#[derive(QueryableByName)]
struct BuyerRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    key: String,
}

#[derive(QueryableByName)]
struct ErasedRow {
    #[diesel(sql_type = Bool)]
    erased: bool,
}

#[derive(QueryableByName)]
struct TellsRow {
    #[diesel(sql_type = Bool)]
    tells: bool,
}

#[derive(QueryableByName)]
struct OrderRow {
    #[diesel(sql_type = SqlUuid)]
    order_id: Uuid,
}
