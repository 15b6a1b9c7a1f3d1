//! Orders that are taken in now and placed in their turn. The rules: each is decided once, also where it is cancelled before its turn, and
//! one that was refused says why in the words in which it would have been refused at once.

use kernel::{OrderId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{draft::DraftError, wording::Remark};
use crate::error::Error;

/// Where an order that was taken in stands.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum IntakeStatus {
    /// Its turn has not come.
    Queued,
    /// It is an order.
    Placed,
    /// It is none, and will be none.
    Refused,
    /// Whoever wanted it wants it no more, and said so before its turn.
    Cancelled,
}

/// An order that was taken in, as whoever asks may see it.
#[derive(Debug, Clone)]
pub struct Intake {
    /// The identity that the order has once it is placed.
    pub order: OrderId,
    /// Where it stands.
    pub status: IntakeStatus,
    /// Why it was refused.
    pub refusal: Option<PlacementRefusal>,
    /// When it was taken in.
    pub queued_at: Timestamp,
    /// When it was placed, refused or cancelled.
    pub decided_at: Option<Timestamp>,
    /// Who cancelled it, where somebody has.
    pub cancelled: Option<CancelledTurn>,
}

/// How an order was cancelled that waited for its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelledTurn {
    /// Who did it, as in `access::Caller::actor`.
    pub by: String,
    /// Why, in the words of staff.
    pub reason: Option<Remark>,
}

/// Why an order that was taken in was not placed: what depends on the catalog, on other orders and on the organisation. It is kept while the
/// order can be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlacementRefusal {
    /// It cannot be sold as it is.
    Draft(DraftError),
    /// Whoever places it has as many open ones as one may have.
    TooManyOpen {
        /// The most.
        limit: u32,
    },
    /// The organisation was suspended when its turn came.
    Suspended,
}

impl TryFrom<Error> for PlacementRefusal {
    type Error = Error;

    /// The refusal; any other error is the failure of whoever decides, and no word about the order.
    fn try_from(error: Error) -> Result<Self, Error> {
        match error {
            Error::Draft(refused) => Ok(Self::Draft(refused)),
            Error::TooManyOpen { limit } => Ok(Self::TooManyOpen { limit }),
            Error::Suspended => Ok(Self::Suspended),
            failed => Err(failed),
        }
    }
}

impl From<PlacementRefusal> for Error {
    fn from(refusal: PlacementRefusal) -> Self {
        match refusal {
            PlacementRefusal::Draft(refused) => Self::Draft(refused),
            PlacementRefusal::TooManyOpen { limit } => Self::TooManyOpen { limit },
            PlacementRefusal::Suspended => Self::Suspended,
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Currency, Money, Sku};

    use super::super::draft::{Fault, Flaw, PriceChange, StatedAmount};
    use super::*;

    #[test]
    fn a_refusal_that_was_kept_is_the_one_that_was_given() {
        let currency = Currency::parse("USD").unwrap();
        let money = |minor| Money::from_minor(minor, currency).unwrap();
        let sku = || Sku::parse("MUG").unwrap();
        let faults = [
            Fault::Unknown,
            Fault::NotForSale,
            Fault::NotInChannel,
            Fault::TooMany,
            Fault::OtherCurrency(currency),
            Fault::TooMuchOff,
        ];
        let drafts = [
            DraftError::LineCount { lines: 0 },
            DraftError::Unsellable(faults.map(|fault| Flaw { line: 3, sku: sku(), fault }).into()),
            DraftError::PriceChanged(vec![PriceChange { line: 0, sku: sku(), shown: money(1), current: money(2) }]),
            DraftError::TotalTooLarge,
            DraftError::OtherCurrency { field: StatedAmount::Shipping, currency },
            DraftError::TooMuchOff { discount: money(2), most: money(1) },
            DraftError::TotalMismatch { given: money(1), computed: money(2) },
        ];
        let refusals = drafts.map(PlacementRefusal::Draft).into_iter();
        for refusal in refusals.chain([PlacementRefusal::TooManyOpen { limit: 50 }, PlacementRefusal::Suspended]) {
            let kept = serde_json::to_value(&refusal).unwrap();
            assert_eq!(serde_json::from_value::<PlacementRefusal>(kept).unwrap(), refusal);
            assert_eq!(PlacementRefusal::try_from(Error::from(refusal.clone())).unwrap(), refusal);
        }
        let failed = PlacementRefusal::try_from(Error::Overtaken);
        assert!(matches!(failed, Err(Error::Overtaken)), "{failed:?}");
    }
}
