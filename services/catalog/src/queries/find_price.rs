//! What a variant costs, in a channel, at a time.

use access::Permission;
use diesel::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::{ChannelCode, Clock, Currency, Malformed, Money, PriceId, ProductId, Timestamp, VariantId};
use mediator::{Query, Tenant};
use persistence::ReadConn;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::domain::price::{BaseChange, EntryKind, price};
use crate::error::Error;
use crate::projections::price::Row;
use crate::schema::{prices, variants};

/// Asks what a variant costs.
#[derive(Debug, Clone)]
pub struct FindPrice {
    /// The variant.
    pub variant: VariantId,
    /// The channel.
    pub channel: ChannelCode,
    /// The time; now when there is none.
    pub at: Option<Timestamp>,
}

/// What a variant costs.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PriceAnswer {
    /// Its product.
    product: ProductId,
    /// The variant.
    variant: VariantId,
    /// The sales channel.
    channel: ChannelCode,
    /// The time that was asked for; now when there is none.
    at: Option<Timestamp>,
    /// The price of one piece there and then.
    price: Money,
    /// The price for a while that it comes from; the base price when there is none.
    window: Option<PriceId>,
}

impl Query for FindPrice {
    const NAME: &'static str = "catalog.find-price";
    const REQUIRES: Permission = Permission::ProductRead;
    type Tenancy = Tenant;
    type Reply = PriceAnswer;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<PriceAnswer, Error> {
        let (variant, at) = (self.variant, self.at.unwrap_or_else(Clock::now));
        // The base price first: a change that comes after that is among the changes.
        let found: Option<(Uuid, i64, String)> = variants::table
            .filter(variants::org_id.eq(read.organisation().uuid()))
            .filter(variants::variant_id.eq(variant.uuid()))
            .select((variants::product_id, variants::price_minor, variants::currency))
            .get_result(read.connection())
            .await
            .optional()?;
        let (product, minor, currency) = found.ok_or(Error::VariantNotFound { variant })?;
        let of_variant = prices::org_id.eq(read.organisation().uuid()).and(prices::variant_id.eq(self.variant.uuid()));
        // What is over by then cannot decide, and of the base price's later changes the first one does.
        let windows: Vec<Row> = prices::table
            .filter(of_variant)
            .filter(prices::kind.eq(<&str>::from(EntryKind::Window)))
            .filter(prices::valid_from.le(at))
            .filter(prices::valid_until.is_null().or(prices::valid_until.gt(at)))
            .filter(prices::ended_at.is_null().or(prices::ended_at.gt(at)))
            .select(Row::as_select())
            .load(read.connection())
            .await?;
        let change: Option<Row> = prices::table
            .filter(of_variant)
            .filter(prices::kind.eq(<&str>::from(EntryKind::Base)))
            .filter(prices::valid_from.gt(at))
            .order_by((prices::valid_from, prices::price_id))
            .limit(1)
            .select(Row::as_select())
            .get_result(read.connection())
            .await
            .optional()?;
        let corrupt = |cause: Malformed| Error::corrupt("variant", cause);
        let base =
            Currency::parse(&currency).and_then(|currency| Money::from_minor(minor, currency)).map_err(corrupt)?;
        let windows = windows.iter().map(Row::window).collect::<Result<Vec<_>, _>>()?;
        let changes: Vec<BaseChange> = change.map(|row| row.base_change()).transpose()?.into_iter().collect();
        let applied = price(base, &changes, &windows, Some(&self.channel), at);
        Ok(PriceAnswer {
            product: ProductId::from_uuid(product),
            variant,
            channel: self.channel.clone(),
            at: self.at,
            price: applied.amount,
            window: applied.window,
        })
    }
}
