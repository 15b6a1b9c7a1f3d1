//! Who ordered and what was said with each order. The rules: orders that name nobody cost no statement, records of people are
//! locked in the order of their keys, and a person is emptied in one row per order.

use std::collections::{BTreeMap, HashMap};

use diesel::{
    OptionalExtension, QueryableByName,
    sql_types::{Array, BigInt, Bool, Jsonb, Nullable, Text, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use kernel::{BuyerId, CustomerId, OrderId, OrganisationId};
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

/// Counts the orders for whoever placed them, each person once however many orders of theirs there are.
async fn count<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    said: &[&NewContact<'_>],
) -> Result<HashMap<(OrganisationId, BuyerKey), BuyerId>, Error> {
    // Sorted, so that transactions that count the same people lock them in the same order.
    let mut people: BTreeMap<(OrganisationId, BuyerKey), (i64, &NewContact<'_>)> = BTreeMap::new();
    for said in said {
        if let Some(key) = said.key() {
            people.entry(key).and_modify(|(orders, last)| (*orders, *last) = (*orders + 1, said)).or_insert((1, said));
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
                n.orders, now(), now()
         from unnest($1, $2, $3, $4, $5, $6, $7, $8)
             with ordinality as n (org_id, id, key, customer_id, name, email, phone, orders, position)
         order by n.position
         on conflict (org_id, key) do update
         set orders = b.orders + excluded.orders, last_order_at = greatest(b.last_order_at, excluded.last_order_at),
             name = coalesce(excluded.name, b.name), email = coalesce(excluded.email, b.email),
             phone = coalesce(excluded.phone, b.phone),
             search_text = search_text(concat_ws(' ', coalesce(excluded.name, b.name), coalesce(excluded.email, b.email),
                 coalesce(excluded.phone, b.phone), regexp_replace(coalesce(excluded.phone, b.phone), '[^0-9]', '', 'g')))
         returning b.org_id, b.id, b.key",
    )
    .bind::<Array<SqlUuid>, _>(column(&people, |((organisation, _), _)| organisation.uuid()))
    .bind::<Array<SqlUuid>, _>(column(&people, |_| BuyerId::new().uuid()))
    .bind::<Array<Text>, _>(column(&people, |((_, key), _)| key.as_str().to_owned()))
    .bind::<Array<Nullable<SqlUuid>>, _>(column(&people, |(_, (_, said))| said.customer.map(CustomerId::uuid)))
    .bind::<Array<Nullable<Text>>, _>(column(&people, |(_, (_, said))| name(said.contact())))
    .bind::<Array<Nullable<Text>>, _>(column(&people, |(_, (_, said))| email(said.contact())))
    .bind::<Array<Nullable<Text>>, _>(column(&people, |(_, (_, said))| phone(said.contact())))
    .bind::<Array<BigInt>, _>(column(&people, |(_, (orders, _))| *orders))
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

/// The orders of a person.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn orders_of(tx: &mut Tx<'_>, buyer: BuyerId) -> Result<Vec<OrderId>, Error> {
    let rows: Vec<OrderRow> =
        statement("select order_id from order_contacts where org_id = $1 and buyer_id = $2 order by order_id")
            .bind::<SqlUuid, _>(tx.organisation().uuid())
            .bind::<SqlUuid, _>(buyer.uuid())
            .load(tx.connection())
            .await?;
    Ok(rows.into_iter().map(|row| OrderId::from_uuid(row.order_id)).collect())
}

/// Empties the record of a person, what was said with their orders, their own references, and from where they ordered.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn erase(tx: &mut Tx<'_>, buyer: BuyerId) -> Result<(), Error> {
    statement(
        "with person as (
            update buyers set key = null, customer_id = null, name = null, email = null, phone = null, search_text = '  ',
                              erased_at = now()
            where org_id = $1 and id = $2
        ), emptied as (
            update order_contacts set name = null, email = null, phone = null, shipping_address = null,
                                      billing_address = null, search_text = '  '
            where org_id = $1 and buyer_id = $2
            returning order_id
        )
        update orders o set shopper_reference = null, placed_from = null
        from emptied e where o.org_id = $1 and o.id = e.order_id",
    )
    .bind::<SqlUuid, _>(tx.organisation().uuid())
    .bind::<SqlUuid, _>(buyer.uuid())
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
struct OrderRow {
    #[diesel(sql_type = SqlUuid)]
    order_id: Uuid,
}
