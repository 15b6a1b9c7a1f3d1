//! Each error of this service and the one problem type that it becomes.

use mediator::Classified;
use rest::{Problem, ProblemType, problems};

use crate::{
    domain::{Action, DraftError, Fault, Flaw, Impossible, PriceChange},
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

/// What was asked for cannot be done with the order as it is.
pub(super) const IMPOSSIBLE: ProblemType =
    ProblemType::new("order-step-impossible", 409, "That cannot be done with the order now");

/// The parts of an order do not add up to the total that was given.
pub(super) const TOTAL_MISMATCH: ProblemType =
    ProblemType::new("total-mismatch", 422, "The total is not what the parts add up to");

/// Too many orders are open.
pub(super) const TOO_MANY_OPEN: ProblemType = ProblemType::new("too-many-open-orders", 409, "Too many orders are open");

/// Every problem type of this service.
pub(super) const ALL: [ProblemType; 6] =
    [UNSELLABLE_LINES, PRICE_CHANGED, NOT_CANCELLABLE, IMPOSSIBLE, TOTAL_MISMATCH, TOO_MANY_OPEN];
/// Those of placing.
pub(super) const PLACE: [ProblemType; 3] = [UNSELLABLE_LINES, PRICE_CHANGED, TOO_MANY_OPEN];
/// Those of what staff enters.
pub(super) const ENTER: [ProblemType; 3] = [UNSELLABLE_LINES, PRICE_CHANGED, TOTAL_MISMATCH];
/// Those of taking a shopper's order in: what its lines themselves make impossible, and too many that are open or wait.
pub(super) const QUEUE: [ProblemType; 2] = [UNSELLABLE_LINES, TOO_MANY_OPEN];
/// That of taking in what staff enters, who may have as many as it wants.
pub(super) const QUEUE_ENTERED: [ProblemType; 1] = [UNSELLABLE_LINES];
/// Those of an order that was sold elsewhere.
pub(super) const IMPORT: [ProblemType; 2] = [UNSELLABLE_LINES, TOTAL_MISMATCH];
/// Those of cancelling.
pub(super) const CANCEL: [ProblemType; 1] = [NOT_CANCELLABLE];
/// Those of changing lines.
pub(super) const EDIT: [ProblemType; 2] = [IMPOSSIBLE, UNSELLABLE_LINES];
/// That of every other step.
pub(super) const STEP: [ProblemType; 1] = [IMPOSSIBLE];

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::Draft(refused) => draft(&refused).detail(detail),
            Error::Impossible(refused) => impossible(&refused).detail(detail),
            Error::HadItsTurn { status, .. } => {
                Self::new(NOT_CANCELLABLE).detail(detail).member("queue_status", status)
            }
            Error::NotOfOrder { .. } => Self::new(problems::INVALID_REQUEST)
                .detail(detail)
                .field("lines", "names a SKU that the order does not have"),
            Error::PriceOfLine { line, .. } => Self::new(problems::INVALID_REQUEST)
                .detail(detail)
                .field(format!("lines[{line}].unit_price"), "must be left out for a line that the order has"),
            Error::OtherCurrency { currency, .. } => {
                let reason = format!("must be {currency}, as the order is");
                Self::new(problems::INVALID_REQUEST).detail(detail).field("amount.currency", reason)
            }
            Error::FirstRefused { .. } => Self::new(problems::INVALID_REQUEST).detail(detail),
            Error::TooManyOpen { .. } => Self::new(TOO_MANY_OPEN).detail(detail),
            Error::Suspended => Self::new(problems::ORGANISATION_SUSPENDED).detail(detail),
            Error::NotFound { .. }
            | Error::BuyerNotFound { .. }
            | Error::ParcelNotFound { .. }
            | Error::ReturnNotFound { .. }
            | Error::PaymentNotFound { .. } => Self::new(problems::NOT_FOUND).detail(detail),
            Error::Stale { current, .. } => {
                Self::new(problems::STALE).detail(detail).member("current_version", current)
            }
            Error::Malformed(malformed) => Self::from(malformed),
            Error::QueryRefused(faults) => {
                faults.0.into_iter().fold(Self::new(problems::INVALID_REQUEST).detail(detail), |problem, fault| {
                    problem.field(fault.at, fault.reason)
                })
            }
            Error::Overtaken
            | Error::ProviderAway { .. }
            | Error::Unplaced { .. }
            | Error::Corrupt { .. }
            | Error::Storage(_) => Self::fault(error.class(), &error),
        }
    }
}

fn impossible(Impossible { action, status, possible, .. }: &Impossible) -> Problem {
    let kind = if *action == Action::Cancel { NOT_CANCELLABLE } else { IMPOSSIBLE };
    Problem::new(kind).member("order_status", status).member("possible", possible)
}

fn draft(refused: &DraftError) -> Problem {
    match refused {
        DraftError::LineCount { .. } => {
            Problem::new(problems::INVALID_REQUEST).field("lines", "must have 1 to 100 items")
        }
        DraftError::TotalTooLarge => {
            Problem::new(problems::INVALID_REQUEST).field("lines", "cost more than can be counted")
        }
        DraftError::OtherCurrency { field, currency } => {
            Problem::new(problems::INVALID_REQUEST).field(format!("{field}.currency"), format!("must be {currency}"))
        }
        DraftError::TooMuchOff { most, .. } => {
            Problem::new(problems::INVALID_REQUEST).field("discount", format!("must be at most {most}"))
        }
        DraftError::TotalMismatch { given, computed } => Problem::new(TOTAL_MISMATCH)
            .field("total", format!("is given as {given}; the parts add up to {computed}"))
            .member("given", given)
            .member("computed", computed),
        DraftError::Unsellable(flaws) => flaws.iter().fold(Problem::new(UNSELLABLE_LINES), flawed),
        DraftError::PriceChanged(changes) => {
            changes.iter().fold(Problem::new(PRICE_CHANGED), changed).member("changes", changes)
        }
    }
}

fn flawed(problem: Problem, Flaw { line, sku, fault }: &Flaw) -> Problem {
    let field = match fault {
        Fault::Unknown | Fault::NotForSale | Fault::NotInChannel | Fault::OtherCurrency(_) => "sku",
        Fault::TooMuchOff => "discount",
        Fault::TooMany => "quantity",
    };
    problem.field(format!("lines[{line}].{field}"), fault.reason(sku))
}

fn changed(problem: Problem, PriceChange { line, sku, shown, current }: &PriceChange) -> Problem {
    problem.field(format!("lines[{line}].unit_price"), format!("{sku} was shown for {shown} and costs {current} now"))
}
