//! Everything that a command or query of the catalog can fail with.
//! The rule: each variant says what happened, to what, and what to do; `http/problems.rs` maps each to one problem type.

use std::fmt::Display;

use kernel::{CategoryId, Malformed, PriceId, ProductId, Sku, Slug, VariantId, ViewId};
use mediator::{Class, Classified};

use crate::domain::attribute::{AttributeCode, AttributeDefinition, AttributeFault, DefinitionFault};
use crate::domain::import::RowOutcome;
use crate::domain::location::{Location, StockedPlace};
use crate::domain::price::{PriceFault, PriceOutcome};
use crate::domain::product::{PriceRefusal, Product, ProductFault, TakenBarcode, TakenSku};
use crate::domain::reservation::Contradiction;
use crate::domain::stock::{LevelOutcome, StockFault, StockKey};
use crate::domain::view::{View, ViewName};

/// Why the catalog did not do it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such product in this organisation.
    #[error("there is no product {product}")]
    ProductNotFound {
        /// The id that was asked for.
        product: ProductId,
    },
    /// No product on sale has the slug, and none had it.
    #[error("no product has the slug {slug}")]
    SlugUnknown {
        /// What was asked for.
        slug: Slug,
    },
    /// No variant of this organisation has the SKU, or the id.
    #[error("there is no stock of {key}; create a product with this variant first")]
    StockNotFound {
        /// What was asked for.
        key: StockKey,
    },
    /// No such variant in this organisation.
    #[error("there is no variant {variant}")]
    VariantNotFound {
        /// The id that was asked for.
        variant: VariantId,
    },
    /// The variant has no such price for a while.
    #[error("the variant has no price {price} that could be ended")]
    PriceNotFound {
        /// The id that was asked for.
        price: PriceId,
    },
    /// The rules of a price do not allow it.
    #[error("{}", join(&.0.iter().map(|fault| format!("{} {fault}", fault.field())).collect::<Vec<_>>()))]
    PriceRefused(Vec<PriceFault>),
    /// There are as many planned and current prices as there may be.
    #[error(
        "variant {variant} or its product has as many planned and current prices as it may, {} and {}; end some first",
        Product::MOST_PRICES_OF_A_VARIANT,
        Product::MOST_PRICES
    )]
    TooManyPrices {
        /// The variant.
        variant: VariantId,
    },
    /// The product is retired, so it gets no prices.
    #[error("product {product} is retired; restore it first, which makes it a draft")]
    PriceOfRetired {
        /// The product.
        product: ProductId,
    },
    /// A SKU belongs to a variant of another product.
    #[error("{}; choose another SKU, or change or restore that product", join(.taken))]
    SkuTaken {
        /// All that are taken.
        taken: Vec<TakenSku>,
    },
    /// A barcode belongs to a variant of another product.
    #[error("{}; take the barcode from that variant first, or correct it", join(.taken))]
    BarcodeTaken {
        /// All that are taken.
        taken: Vec<TakenBarcode>,
    },
    /// A slug belongs to another product.
    #[error("another product of this organisation has the slug {slug}; choose another one")]
    SlugTaken {
        /// The slug that is taken.
        slug: Slug,
    },
    /// The catalog knows no such category.
    #[error("there is no category {category}")]
    CategoryUnknown {
        /// As given.
        category: CategoryId,
        /// The field that named it.
        field: &'static str,
    },
    /// The product has changed since the caller read it.
    #[error("product {product} has version {current} by now; read it again and repeat the change")]
    Stale {
        /// The product that has changed.
        product: ProductId,
        /// Its version now.
        current: i64,
    },
    /// The rules of a product do not allow it.
    #[error("{}", join(.0))]
    ProductRefused(Vec<ProductFault>),
    /// Some products of a call are refused, and the caller wants all or nothing.
    #[error("{} of the products are refused, so nothing was written; correct them, or do without all_or_nothing", .refused.len())]
    ProductsNotWritten {
        /// Each with its reasons.
        refused: Vec<RowOutcome>,
    },
    /// The definitions of the organisation's attributes do not allow it.
    #[error("{}", join(.0))]
    AttributesRefused(Vec<AttributeFault>),
    /// The product is no draft that was never sold.
    #[error("product {product} {reason}, so it is not deleted; retire it instead")]
    ProductStays {
        /// The product.
        product: ProductId,
        /// Why it stays.
        reason: &'static str,
    },
    /// Locations have pieces of a product that is to be deleted.
    #[error(
        "product {product} is not deleted while there are pieces of it at locations: {}; count or transfer them first",
        join(.places)
    )]
    StockAtLocations {
        /// The product.
        product: ProductId,
        /// All places that have some.
        places: Vec<StockedPlace>,
    },
    /// No attribute of this organisation has the code.
    #[error("there is no attribute {code}; create it first")]
    AttributeNotFound {
        /// What was asked for.
        code: AttributeCode,
    },
    /// The organisation has an attribute with the code.
    #[error("there is an attribute {code} already; change it, or choose another code")]
    AttributeTaken {
        /// The code that is taken.
        code: AttributeCode,
    },
    /// The organisation has as many attributes as it may.
    #[error("an organisation has at most {} attributes; use one that there is", AttributeDefinition::MOST)]
    TooManyAttributes,
    /// The rules of a definition do not allow it.
    #[error("{}", join(.0))]
    AttributeRefused(Vec<DefinitionFault>),
    /// The attribute has changed since the caller read it.
    #[error("attribute {code} has version {current} by now; read it again and repeat the change")]
    StaleAttribute {
        /// The attribute that has changed.
        code: AttributeCode,
        /// Its version now.
        current: i64,
    },
    /// No location of this organisation has the code.
    #[error("there is no location {code}; create it first")]
    LocationNotFound {
        /// What was asked for.
        code: Slug,
    },
    /// A request names a location that there is not.
    #[error("there is no location {code}; create it first, or leave the location out for the default one")]
    LocationUnknown {
        /// As given.
        code: Slug,
    },
    /// The organisation has a location with the code.
    #[error("there is a location {code} already; change it, or choose another code")]
    LocationTaken {
        /// The code that is taken.
        code: Slug,
    },
    /// The organisation has as many locations as it may.
    #[error("an organisation has at most {} locations; use one that there is", Location::MOST)]
    TooManyLocations,
    /// A location that is to serve no orders has pieces.
    #[error("location {code} has pieces, which orders may be promised; transfer or count them before it is closed")]
    LocationNotEmpty {
        /// The location.
        code: Slug,
    },
    /// The location has changed since the caller read it.
    #[error("location {code} has version {current} by now; read it again and repeat the change")]
    StaleLocation {
        /// The location that has changed.
        code: Slug,
        /// Its version now.
        current: i64,
    },
    /// The settings have changed since the caller read them.
    #[error("the stock settings have version {current} by now; read them again and repeat the change")]
    StaleStockSettings {
        /// Their version now.
        current: i64,
    },
    /// The stock level does not allow it.
    #[error("the stock of SKU {sku} cannot be changed so: {fault}")]
    StockRefused {
        /// The SKU whose level it is.
        sku: Sku,
        /// Why not.
        fault: StockFault,
    },
    /// Some stock levels of a call cannot be changed so, and the caller wants all or nothing.
    #[error("{} of the stock levels are refused, so nothing was changed; correct them, or do without all_or_nothing", .refused.len())]
    StockNotChanged {
        /// Each with its reason.
        refused: Vec<LevelOutcome>,
    },
    /// Some prices of a call cannot be written, and the caller wants all or nothing.
    #[error("{} of the prices are refused, so nothing was written; correct them, or do without all_or_nothing", .refused.len())]
    PricesNotWritten {
        /// Each with its reason.
        refused: Vec<PriceOutcome>,
    },
    /// A cursor that this list did not make.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A query that is not valid.
    #[error("the query was refused: {0}")]
    QueryRefused(query::Faults),
    /// No such view in this organisation.
    #[error("there is no view {view}")]
    ViewNotFound {
        /// The id that was asked for.
        view: ViewId,
    },
    /// Another view of the same kind of item has the name.
    #[error("another view has the name {name}; choose another one, or change that view")]
    ViewNameTaken {
        /// The name that is taken.
        name: ViewName,
    },
    /// The organisation has as many views as it may.
    #[error("an organisation has at most {} views; delete one that nobody needs", View::MOST)]
    TooManyViews,
    /// The view has changed since the caller read it.
    #[error("view {view} has version {current} by now; read it again and repeat the change")]
    StaleView {
        /// The view that has changed.
        view: ViewId,
        /// Its version now.
        current: i64,
    },
    /// A query that is not valid is to be saved.
    #[error("the query cannot be saved: {0}")]
    ViewRefused(query::Faults),
    /// What a view asks for is not there any more.
    #[error("the query of view {view} is not valid any more: {faults}; change the view")]
    ViewOutdated {
        /// The view.
        view: ViewId,
        /// What is wrong with its query.
        faults: query::Faults,
    },
    /// A concurrent transaction changed what this one had read. A second attempt resolves it.
    #[error("another transaction changed {what} at the same time; the command is retried")]
    Overtaken {
        /// What both of them wrote.
        what: &'static str,
    },
    /// The tables contradict each other or the domain.
    #[error("a stored {what} cannot be read back: {reason}")]
    Corrupt {
        /// The kind of row.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A reservation and its stock disagree.
    #[error(transparent)]
    Contradiction(#[from] Contradiction),
    /// The database.
    #[error(transparent)]
    Storage(persistence::Error),
}

impl Error {
    /// A stored row that cannot be read back, with the reason.
    pub(crate) fn corrupt(what: &'static str, reason: impl Display) -> Self {
        Self::Corrupt { what, reason: reason.to_string() }
    }

    /// Why a variant of the product does not get a price.
    pub(crate) fn price_refused(product: ProductId, variant: VariantId, refusal: PriceRefusal) -> Self {
        match refusal {
            PriceRefusal::Faults(faults) => Self::PriceRefused(faults),
            PriceRefusal::TooMany => Self::TooManyPrices { variant },
            PriceRefusal::Retired => Self::PriceOfRetired { product },
            PriceRefusal::NoVariant => Self::VariantNotFound { variant },
        }
    }

    /// Whether others wrote or locked the same rows at the same time.
    #[must_use]
    pub fn is_contested(&self) -> bool {
        use persistence::Error::{Collision, Locked};
        matches!(self, Self::Overtaken { .. } | Self::Storage(Collision(_) | Locked(_)))
    }
}

impl From<query::Error> for Error {
    fn from(error: query::Error) -> Self {
        match error {
            query::Error::Refused(faults) => Self::QueryRefused(faults),
            query::Error::Cursor(malformed) => Self::Malformed(malformed),
            query::Error::Storage(error) => error.into(),
        }
    }
}

impl From<persistence::Error> for Error {
    fn from(error: persistence::Error) -> Self {
        // Commands check for these before they write, so a violation means that another transaction came in between.
        const RACES: [(&str, &str); 10] = [
            ("locations_pkey", "a location"),
            ("products_slug_key", "a slug"),
            ("variants_sku_key", "a SKU"),
            ("variants_barcode_key", "a barcode"),
            ("attribute_definitions_pkey", "an attribute"),
            ("attribute_definitions_position_key", "the attributes"),
            ("saved_views_name_key", "a view"),
            ("saved_views_place_key", "the views"),
            ("stock_sku_key", "a SKU"),
            ("reservations_pkey", "a reservation"),
        ];
        match RACES.iter().find(|(constraint, _)| error.is_unique(constraint)) {
            Some((_, what)) => Self::Overtaken { what },
            None => Self::Storage(error),
        }
    }
}

impl From<persistence::DieselError> for Error {
    fn from(error: persistence::DieselError) -> Self {
        persistence::Error::from(error).into()
    }
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            Self::ProductNotFound { .. }
            | Self::SlugUnknown { .. }
            | Self::VariantNotFound { .. }
            | Self::PriceNotFound { .. }
            | Self::PriceRefused(_)
            | Self::TooManyPrices { .. }
            | Self::PriceOfRetired { .. }
            | Self::StockNotFound { .. }
            | Self::SkuTaken { .. }
            | Self::BarcodeTaken { .. }
            | Self::SlugTaken { .. }
            | Self::CategoryUnknown { .. }
            | Self::Stale { .. }
            | Self::ProductRefused(_)
            | Self::ProductsNotWritten { .. }
            | Self::StockNotChanged { .. }
            | Self::PricesNotWritten { .. }
            | Self::AttributesRefused(_)
            | Self::ProductStays { .. }
            | Self::StockAtLocations { .. }
            | Self::AttributeNotFound { .. }
            | Self::AttributeTaken { .. }
            | Self::TooManyAttributes
            | Self::AttributeRefused(_)
            | Self::StaleAttribute { .. }
            | Self::LocationNotFound { .. }
            | Self::LocationUnknown { .. }
            | Self::LocationTaken { .. }
            | Self::TooManyLocations
            | Self::LocationNotEmpty { .. }
            | Self::StaleLocation { .. }
            | Self::StaleStockSettings { .. }
            | Self::StockRefused { .. }
            | Self::Malformed(_)
            | Self::QueryRefused(_)
            | Self::ViewNotFound { .. }
            | Self::ViewNameTaken { .. }
            | Self::TooManyViews
            | Self::StaleView { .. }
            | Self::ViewRefused(_)
            | Self::ViewOutdated { .. } => Class::Refused,
            Self::Overtaken { .. } => Class::Transient,
            Self::Corrupt { .. } | Self::Contradiction(_) => Class::Permanent,
            Self::Storage(error) => error.class(),
        }
    }
}

fn join(faults: &[impl Display]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
