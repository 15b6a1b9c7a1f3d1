//! The one problem type of each error of this service.

use kernel::Sku;
use mediator::Classified;
use rest::{Problem, ProblemType, problems};

use crate::domain::product::ProductFault;
use crate::error::Error;

/// A SKU belongs to a variant of another product.
pub(super) const SKU_TAKEN: ProblemType = ProblemType::new("sku-taken", 409, "A SKU belongs to another product");
/// A slug belongs to another product.
pub(super) const SLUG_TAKEN: ProblemType = ProblemType::new("product-slug-taken", 409, "Another product has this slug");
/// The product is retired.
pub(super) const RETIRED: ProblemType = ProblemType::new("product-retired", 409, "The product is retired");
/// The level does not allow the change.
pub(super) const STOCK_CONFLICT: ProblemType =
    ProblemType::new("stock-conflict", 409, "The stock cannot be changed so");

/// Every problem type of this service.
pub(super) const ALL: [ProblemType; 4] = [SKU_TAKEN, SLUG_TAKEN, RETIRED, STOCK_CONFLICT];
/// Those of a creation.
pub(super) const CREATE: [ProblemType; 2] = [SKU_TAKEN, SLUG_TAKEN];
/// Those of a change.
pub(super) const CHANGE: [ProblemType; 3] = [SKU_TAKEN, SLUG_TAKEN, RETIRED];
/// Those of a stock adjustment.
pub(super) const ADJUST: [ProblemType; 1] = [STOCK_CONFLICT];

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let problem = match &error {
            Error::ProductNotFound { .. } | Error::StockNotFound { .. } => Problem::new(problems::NOT_FOUND),
            Error::SkuTaken { taken } => {
                let skus: Vec<&Sku> = taken.iter().map(|taken| &taken.sku).collect();
                let problem = Problem::new(SKU_TAKEN).member("skus", skus).member("holders", taken);
                taken.iter().fold(problem, |problem, taken| problem.field("variants", taken.to_string()))
            }
            Error::SlugTaken { slug } => Problem::new(SLUG_TAKEN).field("slug", format!("{slug} is taken")),
            Error::CategoryUnknown { category } => Problem::new(problems::INVALID_REQUEST)
                .field("category", format!("{category} is not a category of this organisation")),
            Error::Stale { current, .. } => Problem::new(problems::STALE).member("current_version", current),
            Error::ProductRefused(faults) => refused(faults),
            Error::StockRefused { sku, .. } => Problem::new(STOCK_CONFLICT).member("sku", sku),
            Error::Malformed(malformed) => return malformed.clone().into(),
            Error::QueryRefused(faults) => {
                let refused = Problem::new(problems::INVALID_REQUEST);
                faults.0.iter().fold(refused, |problem, fault| problem.field(&fault.at, &fault.reason))
            }
            Error::Overtaken { .. } | Error::Corrupt { .. } | Error::Contradiction(_) | Error::Storage(_) => {
                return Problem::fault(error.class(), &error);
            }
        };
        problem.detail(capitalised(&error.to_string()))
    }
}

fn refused(faults: &[ProductFault]) -> Problem {
    if faults.contains(&ProductFault::Retired) {
        return Problem::new(RETIRED);
    }
    faults.iter().fold(Problem::new(problems::INVALID_REQUEST), |problem, fault| {
        let field = match fault {
            ProductFault::VariantCount { .. }
            | ProductFault::RepeatedSku { .. }
            | ProductFault::MixedCurrencies { .. }
            | ProductFault::IncompleteVariant { .. }
            | ProductFault::NoAddress { .. }
            | ProductFault::StockOutOfBounds { .. } => "variants",
            ProductFault::Retired => "status",
        };
        problem.field(field, fault.to_string())
    })
}

/// Errors are fragments; a detail is a sentence.
fn capitalised(fragment: &str) -> String {
    let mut letters = fragment.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}
