//! The catalog's rules: products, their attributes, prices, stock levels and reservations.
//! The rule: pure. Where a published value has the same meaning, it is the contract's own type.

pub mod attribute;
pub mod availability;
pub mod barcode;
pub mod category;
pub mod entries;
pub mod explanation;
pub mod import;
pub mod locale;
pub mod location;
pub mod mark;
pub mod measure;
pub mod media;
pub mod options;
pub mod price;
pub mod product;
pub mod reference;
pub mod reservation;
pub mod serving;
pub mod stock;
pub mod view;
pub mod wording;
