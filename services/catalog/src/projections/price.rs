//! A row of the prices as the domain's values, and the planned and current prices of variants that a statement about something else
//! reads along.

use std::collections::HashMap;

use diesel::{Queryable, Selectable};
use kernel::{ChannelCode, Currency, Malformed, Money, PriceId, ProductId, Timestamp, VariantId};
use serde::Deserialize;
use uuid::Uuid;

use crate::domain::price::{BaseChange, EntryKind, PriceEntry, PriceState, PriceWindow};
use crate::error::Error;
use crate::schema::prices;

#[derive(Queryable, Selectable)]
#[diesel(table_name = prices, check_for_backend(diesel::pg::Pg))]
pub(crate) struct Row {
    price_id: Uuid,
    product_id: Uuid,
    variant_id: Uuid,
    kind: String,
    channel: Option<String>,
    amount_minor: i64,
    currency: String,
    former: Option<serde_json::Value>,
    valid_from: Timestamp,
    valid_until: Option<Timestamp>,
    created_at: Timestamp,
    created_by: String,
    ended_at: Option<Timestamp>,
    ended_by: Option<String>,
}

impl Row {
    /// As an entry of the history, with what it is at that time.
    pub(crate) fn into_entry(self, now: Timestamp) -> Result<PriceEntry, Error> {
        let (window, former) = (self.window()?, self.read_former()?);
        let kind: EntryKind = kernel::parse_name("kind", &self.kind).map_err(|cause| Error::corrupt("price", cause))?;
        Ok(PriceEntry {
            id: window.id,
            product: ProductId::from_uuid(self.product_id),
            variant: VariantId::from_uuid(self.variant_id),
            kind,
            state: (kind == EntryKind::Window).then(|| PriceState::of(&window, now)),
            channel: window.channel,
            price: window.amount,
            former,
            valid_from: self.valid_from,
            valid_until: self.valid_until,
            created_at: self.created_at,
            created_by: self.created_by,
            ended_at: self.ended_at,
            ended_by: self.ended_by,
        })
    }

    /// As a price for a while. It ends when somebody ended it, if that is earlier.
    pub(crate) fn window(&self) -> Result<PriceWindow, Error> {
        self.read_window().map_err(|cause| Error::corrupt("price", cause))
    }

    /// As a change of the base price.
    pub(crate) fn base_change(&self) -> Result<BaseChange, Error> {
        let former = self.read_former()?;
        let former = former.ok_or_else(|| Error::corrupt("price", "a change of a base price has no former one"))?;
        Ok(BaseChange { id: PriceId::from_uuid(self.price_id), at: self.valid_from, former })
    }

    fn read_former(&self) -> Result<Option<Money>, Error> {
        let former = self.former.clone().map(serde_json::from_value).transpose();
        former.map_err(|cause| Error::corrupt("price", cause))
    }

    fn read_window(&self) -> Result<PriceWindow, Malformed> {
        Ok(PriceWindow {
            id: PriceId::from_uuid(self.price_id),
            channel: self.channel.as_deref().map(ChannelCode::parse).transpose()?,
            amount: Money::from_minor(self.amount_minor, Currency::parse(&self.currency)?)?,
            from: self.valid_from,
            until: self.valid_until.into_iter().chain(self.ended_at).min(),
        })
    }
}

/// The planned and current prices of variants as a text that [`windows`] reads, or nothing; a column of a SELECT. The condition says
/// whose, of `prices w`.
macro_rules! open_windows {
    ($whose:literal) => {
        concat!(
            "(select json_agg(json_build_object('variant', w.variant_id, 'id', w.price_id, 'channel', w.channel,
                       'minor', w.amount_minor, 'currency', w.currency, 'from', w.valid_from, 'until', w.valid_until))::text
              from prices w where w.open and ",
            $whose,
            ")"
        )
    };
}
pub(crate) use open_windows;

#[derive(Deserialize)]
struct WindowRow {
    variant: Uuid,
    id: Uuid,
    channel: Option<ChannelCode>,
    minor: i64,
    currency: String,
    from: Timestamp,
    until: Option<Timestamp>,
}

impl WindowRow {
    fn into_window(self) -> Result<PriceWindow, Malformed> {
        Ok(PriceWindow {
            id: PriceId::from_uuid(self.id),
            channel: self.channel,
            amount: Money::from_minor(self.minor, Currency::parse(&self.currency)?)?,
            from: self.from,
            until: self.until,
        })
    }
}

/// The prices of each variant that `open_windows!` has read.
pub(crate) fn windows(json: Option<&str>) -> Result<HashMap<Uuid, Vec<PriceWindow>>, Error> {
    let mut windows: HashMap<Uuid, Vec<PriceWindow>> = HashMap::new();
    let Some(json) = json else { return Ok(windows) };
    let rows: Vec<WindowRow> = serde_json::from_str(json).map_err(|cause| Error::corrupt("price", cause))?;
    for row in rows {
        let of = row.variant;
        windows.entry(of).or_default().push(row.into_window().map_err(|cause| Error::corrupt("price", cause))?);
    }
    Ok(windows)
}
