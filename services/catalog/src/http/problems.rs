//! Each error of this service and the one problem type that it becomes.

use mediator::Classified;
use rest::{Problem, ProblemType, problems};

use crate::domain::product::ProductFault;
use crate::error::CatalogError;

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

impl From<CatalogError> for Problem {
    fn from(error: CatalogError) -> Self {
        let problem = match &error {
            CatalogError::ProductNotFound { .. } | CatalogError::StockNotFound { .. } => {
                Problem::new(problems::NOT_FOUND)
            }
            CatalogError::SkuTaken { skus } => {
                skus.iter().fold(Problem::new(SKU_TAKEN).member("skus", skus), |problem, sku| {
                    problem.field("variants", format!("SKU {sku} belongs to another product"))
                })
            }
            CatalogError::SlugTaken { slug } => Problem::new(SLUG_TAKEN).field("slug", format!("{slug} is taken")),
            CatalogError::CategoryUnknown { category } => Problem::new(problems::INVALID_REQUEST)
                .field("category", format!("{category} is not a category of this organisation")),
            CatalogError::Stale { current, .. } => Problem::new(problems::STALE).member("current_version", current),
            CatalogError::ProductRefused(faults) => refused(faults),
            CatalogError::StockRefused { sku, .. } => Problem::new(STOCK_CONFLICT).member("sku", sku),
            CatalogError::Malformed(malformed) => return malformed.clone().into(),
            CatalogError::Overtaken { .. }
            | CatalogError::Corrupt { .. }
            | CatalogError::Contradiction(_)
            | CatalogError::Persistence(_) => return Problem::fault(error.class(), &error),
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
            | ProductFault::StockOutOfBounds { .. } => "variants",
            ProductFault::Retired | ProductFault::StatusNotSettable => "status",
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
