//! The one problem type of each error of this service.

use kernel::Sku;
use mediator::Classified;
use rest::{FieldFault, Problem, ProblemType, problems};

use crate::domain::attribute::DefinitionFault;
use crate::domain::barcode::Barcode;
use crate::domain::locale::OwnLanguage;
use crate::domain::product::{FaultPlace, ProductFault};
use crate::error::Error;

/// A SKU belongs to a variant of another product.
pub(super) const SKU_TAKEN: ProblemType = ProblemType::new("sku-taken", 409, "A SKU belongs to another product");
/// A barcode belongs to a variant of another product.
pub(super) const BARCODE_TAKEN: ProblemType =
    ProblemType::new("barcode-taken", 409, "A barcode belongs to another product");
/// A slug belongs to another product.
pub(super) const SLUG_TAKEN: ProblemType = ProblemType::new("product-slug-taken", 409, "Another product has this slug");
/// The product is retired.
pub(super) const RETIRED: ProblemType = ProblemType::new("product-retired", 409, "The product is retired");
/// It is no draft that was never for sale.
pub(super) const NOT_DELETABLE: ProblemType =
    ProblemType::new("product-not-deletable", 409, "Only a draft that was never for sale is deleted");
/// The organisation has an attribute of this code.
pub(super) const ATTRIBUTE_TAKEN: ProblemType =
    ProblemType::new("attribute-taken", 409, "There is an attribute with this code");
/// The organisation has as many attributes as it may.
pub(super) const TOO_MANY_ATTRIBUTES: ProblemType =
    ProblemType::new("too-many-attributes", 409, "There are as many attributes as there may be");
/// There are as many planned and current prices as there may be.
pub(super) const TOO_MANY_PRICES: ProblemType =
    ProblemType::new("too-many-prices", 409, "There are as many planned and current prices as there may be");
/// The organisation has a location of this code.
pub(super) const LOCATION_TAKEN: ProblemType =
    ProblemType::new("location-taken", 409, "There is a location with this code");
/// The organisation has as many locations as it may.
pub(super) const TOO_MANY_LOCATIONS: ProblemType =
    ProblemType::new("too-many-locations", 409, "There are as many locations as there may be");
/// A location that has pieces is to be closed.
pub(super) const LOCATION_NOT_EMPTY: ProblemType =
    ProblemType::new("location-not-empty", 409, "The location has pieces, so it goes on serving orders");
/// The level does not allow the change.
pub(super) const STOCK_CONFLICT: ProblemType =
    ProblemType::new("stock-conflict", 409, "The stock cannot be changed so");
/// Nothing of a call with many rows was done.
pub(super) const ROWS_REFUSED: ProblemType =
    ProblemType::new("rows-refused", 409, "Some rows are refused, so nothing was done");
/// Another view has this name.
pub(super) const VIEW_NAME_TAKEN: ProblemType = ProblemType::new("view-name-taken", 409, "Another view has this name");
/// The organisation has as many views as it may.
pub(super) const TOO_MANY_VIEWS: ProblemType =
    ProblemType::new("too-many-views", 409, "There are as many views as there may be");
/// What a view asks for is not there any more.
pub(super) const VIEW_OUTDATED: ProblemType =
    ProblemType::new("view-outdated", 409, "The query of the view is not valid any more");

/// Every problem type of this service.
pub(super) const ALL: [ProblemType; 16] = [
    SKU_TAKEN,
    BARCODE_TAKEN,
    SLUG_TAKEN,
    RETIRED,
    NOT_DELETABLE,
    ATTRIBUTE_TAKEN,
    TOO_MANY_ATTRIBUTES,
    TOO_MANY_PRICES,
    LOCATION_TAKEN,
    TOO_MANY_LOCATIONS,
    LOCATION_NOT_EMPTY,
    STOCK_CONFLICT,
    ROWS_REFUSED,
    VIEW_NAME_TAKEN,
    TOO_MANY_VIEWS,
    VIEW_OUTDATED,
];
/// Those of a creation.
pub(super) const CREATE: [ProblemType; 3] = [SKU_TAKEN, BARCODE_TAKEN, SLUG_TAKEN];
/// Those of a change.
pub(super) const CHANGE: [ProblemType; 4] = [SKU_TAKEN, BARCODE_TAKEN, SLUG_TAKEN, RETIRED];
/// Those of a deletion.
pub(super) const DELETE: [ProblemType; 2] = [NOT_DELETABLE, STOCK_CONFLICT];
/// Those of the creation of an attribute.
pub(super) const CREATE_ATTRIBUTE: [ProblemType; 2] = [ATTRIBUTE_TAKEN, TOO_MANY_ATTRIBUTES];
/// Those of adding a price.
pub(super) const ADD_PRICE: [ProblemType; 2] = [TOO_MANY_PRICES, RETIRED];
/// Those of the creation of a location.
pub(super) const CREATE_LOCATION: [ProblemType; 2] = [LOCATION_TAKEN, TOO_MANY_LOCATIONS];
/// Those of a change of a location.
pub(super) const CHANGE_LOCATION: [ProblemType; 1] = [LOCATION_NOT_EMPTY];
/// Those of a stock adjustment.
pub(super) const ADJUST: [ProblemType; 1] = [STOCK_CONFLICT];
/// Those of a call with many rows.
pub(super) const BULK: [ProblemType; 1] = [ROWS_REFUSED];
/// Those of a new view.
pub(super) const CREATE_VIEW: [ProblemType; 2] = [VIEW_NAME_TAKEN, TOO_MANY_VIEWS];
/// Those of a change of a view.
pub(super) const CHANGE_VIEW: [ProblemType; 1] = [VIEW_NAME_TAKEN];
/// Those of what a view lists.
pub(super) const ASK_VIEW: [ProblemType; 1] = [VIEW_OUTDATED];

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let problem = match &error {
            Error::ProductNotFound { .. }
            | Error::SlugUnknown { .. }
            | Error::VariantNotFound { .. }
            | Error::PriceNotFound { .. }
            | Error::StockNotFound { .. }
            | Error::AttributeNotFound { .. }
            | Error::LocationNotFound { .. }
            | Error::ViewNotFound { .. } => Problem::new(problems::NOT_FOUND),
            Error::PriceRefused(faults) => {
                faults.iter().fold(Problem::new(problems::INVALID_REQUEST), |problem, fault| {
                    problem.field(fault.field(), fault.to_string())
                })
            }
            Error::TooManyPrices { .. } => Problem::new(TOO_MANY_PRICES),
            Error::PriceOfRetired { .. } => Problem::new(RETIRED),
            Error::LocationUnknown { code } => {
                Problem::new(problems::INVALID_REQUEST).field("location", format!("{code} is not a location"))
            }
            Error::LocationTaken { code } => Problem::new(LOCATION_TAKEN).field("code", format!("{code} is taken")),
            Error::TooManyLocations => Problem::new(TOO_MANY_LOCATIONS),
            Error::LocationNotEmpty { .. } => Problem::new(LOCATION_NOT_EMPTY),
            Error::SkuTaken { taken } => {
                let skus: Vec<&Sku> = taken.iter().map(|taken| &taken.sku).collect();
                let problem = Problem::new(SKU_TAKEN).member("skus", skus).member("holders", taken);
                taken.iter().fold(problem, |problem, taken| problem.field("variants", taken.to_string()))
            }
            Error::BarcodeTaken { taken } => {
                let barcodes: Vec<&Barcode> = taken.iter().map(|taken| &taken.barcode).collect();
                let problem = Problem::new(BARCODE_TAKEN).member("barcodes", barcodes).member("holders", taken);
                taken.iter().fold(problem, |problem, taken| problem.field("variants", taken.to_string()))
            }
            Error::SlugTaken { slug } => Problem::new(SLUG_TAKEN).field("slug", format!("{slug} is taken")),
            Error::CategoryUnknown { category, field } => Problem::new(problems::INVALID_REQUEST)
                .field(*field, format!("{category} is not a category of this organisation")),
            Error::Stale { current, .. }
            | Error::StaleAttribute { current, .. }
            | Error::StaleLocation { current, .. }
            | Error::StaleView { current, .. }
            | Error::StaleStockSettings { current } => Problem::new(problems::STALE).member("current_version", current),
            Error::ProductRefused(faults) => refused(faults),
            Error::ProductsNotWritten { refused } => Problem::new(ROWS_REFUSED).member("rows", refused),
            Error::StockNotChanged { refused } => Problem::new(ROWS_REFUSED).member("rows", refused),
            Error::PricesNotWritten { refused } => Problem::new(ROWS_REFUSED).member("rows", refused),
            Error::AttributesRefused(faults) => {
                faults.iter().fold(Problem::new(problems::INVALID_REQUEST), |problem, fault| {
                    problem.field(format!("attributes.{}", fault.code), fault.reason.clone())
                })
            }
            Error::ProductStays { .. } => Problem::new(NOT_DELETABLE),
            Error::StockAtLocations { places, .. } => Problem::new(STOCK_CONFLICT).member("places", places),
            Error::AttributeTaken { code } => Problem::new(ATTRIBUTE_TAKEN).field("code", format!("{code} is taken")),
            Error::TooManyAttributes => Problem::new(TOO_MANY_ATTRIBUTES),
            Error::AttributeRefused(faults) => {
                faults.iter().fold(Problem::new(problems::INVALID_REQUEST), |problem, fault| {
                    problem.field(definition_field(fault), fault.to_string())
                })
            }
            Error::StockRefused { sku, .. } => Problem::new(STOCK_CONFLICT).member("sku", sku),
            Error::Malformed(malformed) => return malformed.clone().into(),
            Error::QueryRefused(faults) => {
                let refused = Problem::new(problems::INVALID_REQUEST);
                faults.0.iter().fold(refused, |problem, fault| problem.field(&fault.at, &fault.reason))
            }
            Error::ViewNameTaken { name } => Problem::new(VIEW_NAME_TAKEN).field("name", format!("{name} is taken")),
            Error::TooManyViews => Problem::new(TOO_MANY_VIEWS),
            Error::ViewRefused(faults) => of_view(Problem::new(problems::INVALID_REQUEST), faults),
            Error::ViewOutdated { faults, .. } => of_view(Problem::new(VIEW_OUTDATED), faults),
            Error::Overtaken { .. } | Error::Corrupt { .. } | Error::Contradiction(_) | Error::Storage(_) => {
                return Problem::fault(error.class(), &error);
            }
        };
        problem.detail(capitalised(&error.to_string()))
    }
}

impl From<OwnLanguage> for Problem {
    fn from(fault: OwnLanguage) -> Self {
        Self::invalid(vec![FieldFault { field: fault.field(), reason: fault.to_string() }])
    }
}

fn refused(faults: &[ProductFault]) -> Problem {
    if faults.contains(&ProductFault::Retired) {
        return Problem::new(RETIRED);
    }
    faults.iter().fold(Problem::new(problems::INVALID_REQUEST), |problem, fault| {
        let field = match fault.place() {
            FaultPlace::Product(field) => field,
            FaultPlace::Variant(..) => "variants",
            FaultPlace::Whole => return problem,
        };
        problem.field(field, fault.to_string())
    })
}

/// The faults of a view's query, which stands below `query`.
fn of_view(problem: Problem, faults: &query::Faults) -> Problem {
    faults.0.iter().fold(problem, |problem, fault| {
        let at = if fault.at.is_empty() { "query".to_owned() } else { format!("query.{}", fault.at) };
        problem.field(at, &fault.reason)
    })
}

fn definition_field(fault: &DefinitionFault) -> &'static str {
    match fault {
        DefinitionFault::UnitOfNoNumber => "unit",
        DefinitionFault::ChoiceCount | DefinitionFault::ChoicesOfNoChoice(_) => "choices",
        DefinitionFault::LabelCount => "labels",
    }
}

/// Errors are fragments; a detail is a sentence.
fn capitalised(fragment: &str) -> String {
    let mut letters = fragment.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}
