//! What a linked member is answered, from the notifier's own copy of orders and stock.
//! The rule: it is read as the tenant, so nothing of another organisation is in an answer.

use access::Permission;
use chrono::Utc;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl;
use kernel::{ChannelCode, Clock, Currency, Malformed, Money, OrderId, Sku, Timestamp, parse_name};
use mediator::{Query, ReadConn, Tenant};
use serde_json::Value;
use uuid::Uuid;

use crate::domain::{
    self, AskedDay, AskedOrder, KnownOrder, KnownStock, ORDERS_SHOWN, Question, Sales, nothing_of, orders_of,
};
use crate::error::Error;
use crate::schema::{orders, stocks};

/// The name of the time zone in which days are counted.
const ZONE: &str = "UTC";

/// Asks for the lines of an answer, in Telegram's HTML.
#[derive(Debug, Clone)]
pub struct AnswerQuestion {
    /// The question.
    pub question: Question,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = orders, check_for_backend(diesel::pg::Pg))]
struct OrderRow {
    id: Uuid,
    number: Option<i64>,
    status: String,
    payment: String,
    fulfilment: String,
    channel: String,
    currency: String,
    total_minor: i64,
    lines: Value,
    line_count: i32,
    placed_at: Option<Timestamp>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = stocks, check_for_backend(diesel::pg::Pg))]
struct StockRow {
    sku: String,
    availability: String,
    sellable: i64,
    available: i64,
    on_hand: i64,
}

#[derive(QueryableByName)]
struct SumRow {
    #[diesel(sql_type = Text)]
    currency: String,
    #[diesel(sql_type = BigInt)]
    orders: i64,
    #[diesel(sql_type = BigInt)]
    total_minor: i64,
}

diesel::define_sql_function! {
    fn upper(text: Text) -> Text;
}

impl Query for AnswerQuestion {
    const NAME: &'static str = "notifier.answer-question";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Tenant;
    type Reply = Vec<String>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Vec<String>, Error> {
        let lines = match &self.question {
            Question::Orders(day) => Some(orders_on(read, *day).await?),
            Question::Order(name) => find_order(read, *name).await?.map(|order| domain::order(&order)),
            Question::Stock(sku) => find_stock(read, sku).await?.map(|stock| domain::stock(&stock)),
            Question::Sales => {
                let (today, yesterday) =
                    (sold_on(read, AskedDay::Today).await?, sold_on(read, AskedDay::Yesterday).await?);
                Some(domain::sales(ZONE, &today, &yesterday))
            }
        };
        Ok(lines.unwrap_or_else(|| nothing_of(&self.question)))
    }
}

async fn orders_on(read: &mut ReadConn<'_>, day: AskedDay) -> Result<Vec<String>, Error> {
    let (from, until) = day.bounds(Clock::now(), &Utc);
    let organisation = read.organisation().uuid();
    let placed = orders::table
        .filter(orders::org_id.eq(organisation))
        .filter(orders::placed_at.ge(from))
        .filter(orders::placed_at.lt(until));
    let all: i64 = placed.count().get_result(read.connection()).await?;
    let newest: Vec<OrderRow> = placed
        .order_by((orders::placed_at.desc(), orders::id.desc()))
        .limit(ORDERS_SHOWN)
        .select(OrderRow::as_select())
        .load(read.connection())
        .await?;
    let newest = newest.into_iter().map(OrderRow::known).collect::<Result<Vec<_>, _>>()?;
    Ok(orders_of(day, ZONE, all, &sold_on(read, day).await?, &newest))
}

/// What was sold on a day, by currency.
async fn sold_on(read: &mut ReadConn<'_>, day: AskedDay) -> Result<Sales, Error> {
    let (from, until) = day.bounds(Clock::now(), &Utc);
    let rows: Vec<SumRow> = persistence::statement(
        "select currency, count(*) as orders, sum(total_minor)::bigint as total_minor from orders
         where org_id = $1 and placed_at >= $2 and placed_at < $3 and status not in ('rejected', 'cancelled')
         group by currency order by currency",
    )
    .bind::<diesel::sql_types::Uuid, _>(read.organisation().uuid())
    .bind::<diesel::sql_types::Timestamptz, _>(from)
    .bind::<diesel::sql_types::Timestamptz, _>(until)
    .load(read.connection())
    .await?;
    let sums = rows.iter().map(|row| money(&row.currency, row.total_minor)).collect::<Result<Vec<_>, _>>();
    let sums = sums.map_err(|error| Error::corrupt_copy("the sum of a day's orders", error))?;
    Ok(Sales { orders: rows.iter().map(|row| row.orders).sum(), sums })
}

async fn find_order(read: &mut ReadConn<'_>, name: AskedOrder) -> Result<Option<KnownOrder>, Error> {
    let own = orders::table.filter(orders::org_id.eq(read.organisation().uuid())).select(OrderRow::as_select());
    let row: Option<OrderRow> = match name {
        AskedOrder::Number(number) => {
            own.filter(orders::number.eq(number)).order_by(orders::id).first(read.connection()).await.optional()?
        }
        AskedOrder::Id(id) => own.filter(orders::id.eq(id.uuid())).first(read.connection()).await.optional()?,
    };
    row.map(OrderRow::known).transpose()
}

/// The stock of a SKU in whatever case somebody typed it; the one that is written like that comes first.
async fn find_stock(read: &mut ReadConn<'_>, sku: &Sku) -> Result<Option<KnownStock>, Error> {
    let typed = sku.as_str();
    let row: Option<StockRow> = stocks::table
        .filter(stocks::org_id.eq(read.organisation().uuid()))
        .filter(diesel::dsl::not(stocks::removed))
        .filter(upper(stocks::sku).eq(typed.to_ascii_uppercase()))
        .order_by((stocks::sku.eq(typed).desc(), stocks::variant_id.desc()))
        .select(StockRow::as_select())
        .first(read.connection())
        .await
        .optional()?;
    row.map(|row| row.known().map_err(|error| Error::corrupt_copy("a stock", error))).transpose()
}

fn money(currency: &str, minor: i64) -> Result<Money, Malformed> {
    Money::from_minor(minor, Currency::parse(currency)?)
}

impl OrderRow {
    fn known(self) -> Result<KnownOrder, Error> {
        let order = OrderId::from_uuid(self.id);
        self.read().map_err(|error| Error::corrupt_copy(order, error))
    }

    fn read(self) -> Result<KnownOrder, Malformed> {
        let lines = serde_json::from_value(self.lines).map_err(|error| Malformed::new("lines", error.to_string()))?;
        Ok(KnownOrder {
            order: OrderId::from_uuid(self.id),
            number: self.number,
            status: parse_name("status", &self.status)?,
            payment: parse_name("payment", &self.payment)?,
            fulfilment: parse_name("fulfilment", &self.fulfilment)?,
            channel: ChannelCode::parse(&self.channel)?,
            total: money(&self.currency, self.total_minor)?,
            lines,
            line_count: usize::try_from(self.line_count).unwrap_or(0),
            placed_at: self.placed_at,
        })
    }
}

impl StockRow {
    fn known(self) -> Result<KnownStock, Malformed> {
        Ok(KnownStock {
            sku: Sku::parse(&self.sku)?,
            availability: parse_name("availability", &self.availability)?,
            sellable: self.sellable,
            available: self.available,
            on_hand: self.on_hand,
        })
    }
}
