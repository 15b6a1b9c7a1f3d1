//! An entry of a variant's price history: a price for a while, or a change of the base price. The rule: an entry is never
//! changed but by being ended, so that the history says what something cost at any time.

use kernel::{ChannelCode, Money, PriceId, ProductId, Timestamp, VariantId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantNames};

use super::PriceWindow;

/// What an entry is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, EnumString, IntoStaticStr, VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum EntryKind {
    /// A change of the base price, which counts wherever no other price does.
    Base,
    /// A price for a while, for one sales channel or for all.
    Window,
}

/// How far a price is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PriceState {
    /// It begins later.
    Planned,
    /// It has begun and has not ended. Another price may go before it.
    Current,
    /// It has ended.
    Over,
}

impl PriceState {
    /// That of a price at a time.
    #[must_use]
    pub fn of(window: &PriceWindow, at: Timestamp) -> Self {
        if window.is_over(at) {
            Self::Over
        } else if window.is_valid(at) {
            Self::Current
        } else {
            Self::Planned
        }
    }
}

/// An entry of a variant's price history. This is also the resource that HTTP answers with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PriceEntry {
    /// Its identity.
    pub id: PriceId,
    /// The product.
    pub product: ProductId,
    /// The variant whose price it is.
    pub variant: VariantId,
    /// What it is.
    pub kind: EntryKind,
    /// The sales channel that it is for; every channel when there is none.
    pub channel: Option<ChannelCode>,
    /// The price of one piece.
    pub price: Money,
    /// What the base price was before, for a change of it.
    pub former: Option<Money>,
    /// When it begins or began.
    pub valid_from: Timestamp,
    /// When it ends or ended by itself, if it does.
    pub valid_until: Option<Timestamp>,
    /// How far it is; nothing for a change of the base price.
    pub state: Option<PriceState>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When somebody ended it, if anybody did.
    pub ended_at: Option<Timestamp>,
    /// Who ended it.
    pub ended_by: Option<String>,
}

impl PriceEntry {
    /// What becomes of it when somebody ends it.
    pub fn end(&mut self, now: Timestamp, by: String) {
        self.state = Some(PriceState::Over);
        self.ended_at = Some(now);
        self.ended_by = Some(by);
    }
}
