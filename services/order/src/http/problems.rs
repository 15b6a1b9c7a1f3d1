//! Each error of this service and the one problem type that it becomes.

use mediator::Classified;
use rest::{Problem, ProblemType, problems};
use serde::Serialize;

use crate::{
    domain::{DraftError, Flaw},
    error::Error,
};

/// Lines name SKUs that cannot be sold, or not together.
pub(super) const UNSELLABLE_LINES: ProblemType =
    ProblemType::new("unsellable-lines", 422, "Some lines of the order cannot be sold");
/// The shopper was shown other prices.
pub(super) const PRICE_CHANGED: ProblemType =
    ProblemType::new("price-changed", 409, "Prices changed since they were shown");
/// The order can no longer be cancelled.
pub(super) const NOT_CANCELLABLE: ProblemType =
    ProblemType::new("order-not-cancellable", 409, "The order cannot be cancelled any more");

/// Every problem type of this service.
pub(super) const ALL: [ProblemType; 3] = [UNSELLABLE_LINES, PRICE_CHANGED, NOT_CANCELLABLE];
/// Those of placing.
pub(super) const PLACE: [ProblemType; 2] = [UNSELLABLE_LINES, PRICE_CHANGED];
/// Those of cancelling.
pub(super) const CANCEL: [ProblemType; 1] = [NOT_CANCELLABLE];

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::Draft(refused) => draft(&refused).detail(detail),
            Error::NotCancellable(refused) => {
                Self::new(NOT_CANCELLABLE).detail(detail).member("order_status", refused.status)
            }
            Error::NotFound { .. } => Self::new(problems::NOT_FOUND).detail(detail),
            Error::Malformed(malformed) => Self::from(malformed),
            Error::Unplaced { .. } | Error::Corrupt { .. } | Error::Storage(_) => Self::fault(error.class(), &error),
        }
    }
}

fn draft(refused: &DraftError) -> Problem {
    match refused {
        DraftError::LineCount { .. } => {
            Problem::new(problems::INVALID_REQUEST).field("lines", "must have 1 to 100 items")
        }
        DraftError::TotalTooLarge => {
            Problem::new(problems::INVALID_REQUEST).field("lines", "cost more than can be counted")
        }
        DraftError::Unsellable(flaws) => named(Problem::new(UNSELLABLE_LINES), flaws),
        DraftError::PriceChanged(flaws) => {
            let changes: Vec<Change<'_>> = flaws.iter().filter_map(Change::of).collect();
            named(Problem::new(PRICE_CHANGED), flaws).member("changes", changes)
        }
    }
}

fn named(problem: Problem, flaws: &[Flaw]) -> Problem {
    flaws.iter().fold(problem, |problem, flaw| {
        let (field, reason) = match flaw {
            Flaw::Unknown { line, sku } => (format!("lines[{line}].sku"), format!("there is no SKU {sku}")),
            Flaw::NotForSale { line, sku } => (format!("lines[{line}].sku"), format!("{sku} is not for sale")),
            Flaw::TooMany { line, sku } => {
                (format!("lines[{line}].quantity"), format!("is more of {sku} than one order may have"))
            }
            Flaw::OtherCurrency { line, sku, price } => (
                format!("lines[{line}].sku"),
                format!("{sku} is sold in {}, the lines before it are not; order it separately", price.currency()),
            ),
            Flaw::PriceChanged { line, sku, shown, current } => {
                (format!("lines[{line}].unit_price"), format!("{sku} was shown for {shown} and costs {current} now"))
            }
        };
        problem.field(field, reason)
    })
}

/// A changed price for programs: the same as in `errors`, in numbers.
#[derive(Serialize)]
struct Change<'f> {
    line: usize,
    sku: &'f kernel::Sku,
    shown: kernel::Money,
    current: kernel::Money,
}

impl<'f> Change<'f> {
    fn of(flaw: &'f Flaw) -> Option<Self> {
        match flaw {
            Flaw::PriceChanged { line, sku, shown, current } => {
                Some(Self { line: *line, sku, shown: *shown, current: *current })
            }
            Flaw::Unknown { .. } | Flaw::NotForSale { .. } | Flaw::TooMany { .. } | Flaw::OtherCurrency { .. } => None,
        }
    }
}
