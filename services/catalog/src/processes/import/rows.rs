//! One row of an import file as a domain value. Both formats end in `ImportedProduct`.

use std::collections::BTreeSet;

use exchange::Record;
use kernel::{ChannelCode, Currency, Malformed, Money, Sku, Slug};

use crate::domain::barcode::Barcode;
use crate::domain::import::{CategoryReference, ImportedProduct, ImportedVariant, RowFault};
use crate::domain::measure::{Grams, Millimetres};
use crate::domain::product::SettableStatus;
use crate::domain::wording::{Brand, Description, ShortDescription, Tag, Title};

/// The columns that a CSV file may have.
const COLUMNS: [&str; 24] = [
    "slug",
    "title",
    "category",
    "categories",
    "brand",
    "short_description",
    "description",
    "tags",
    "channels",
    "status",
    "sku",
    "barcode",
    "variant_title",
    "price",
    "compare_at",
    "cost",
    "currency",
    "weight_grams",
    "length_mm",
    "width_mm",
    "height_mm",
    "active",
    "stock",
    "low_threshold",
];

/// The product of one line of an NDJSON file.
pub(super) fn json_row(line: u64, mut product: ImportedProduct) -> ImportedProduct {
    product.line = line;
    product.whole = true;
    for (at, variant) in product.variants.iter_mut().enumerate() {
        variant.line = line;
        variant.prefix = format!("variants[{at}].");
    }
    product
}

/// Reads one line of a CSV file as a product with one variant; every fault of the line at once.
pub(super) fn csv_row(line: u64, record: &Record) -> Result<ImportedProduct, (Option<Slug>, Vec<RowFault>)> {
    let mut faults = Vec::new();
    for name in record.keys().filter(|name| !COLUMNS.contains(&name.as_str())) {
        let reason = format!("is not a column of an import; there are {}", COLUMNS.join(", "));
        faults.push(RowFault::new(name.as_str(), reason));
    }
    let field = |column: &str| record.get(column).map(|text| text.trim()).filter(|text| !text.is_empty());
    let slug = required(&mut faults, "slug", field("slug"), Slug::parse);
    let sku = required(&mut faults, "sku", field("sku"), Sku::parse);
    let title = optional(&mut faults, "title", field("title"), Title::parse);
    let brand = optional(&mut faults, "brand", field("brand"), Brand::parse);
    let short = optional(&mut faults, "short_description", field("short_description"), ShortDescription::parse);
    let description = optional(&mut faults, "description", field("description"), Description::parse);
    let tags = optional(&mut faults, "tags", field("tags"), |text| text.split(',').map(Tag::parse).collect());
    let status = optional(&mut faults, "status", field("status"), |text| {
        kernel::parse_name::<SettableStatus>("status", text).map_err(|error| error.reason().to_owned())
    });
    let variant_title = optional(&mut faults, "variant_title", field("variant_title"), Title::parse);
    let barcode = optional(&mut faults, "barcode", field("barcode"), Barcode::parse);
    let weight_grams = optional(&mut faults, "weight_grams", field("weight_grams"), measure::<Grams>);
    let [length_mm, width_mm, height_mm] = ["length_mm", "width_mm", "height_mm"]
        .map(|column| optional(&mut faults, column, field(column), measure::<Millimetres>));
    let active = optional(&mut faults, "active", field("active"), |text| {
        text.parse().map_err(|_| "must be true or false".to_owned())
    });
    let [stock, low_threshold] =
        ["stock", "low_threshold"].map(|column| optional(&mut faults, column, field(column), whole_number));
    let category = optional(&mut faults, "category", field("category"), CategoryReference::parse);
    let categories = optional(&mut faults, "categories", field("categories"), |text| {
        text.split(',').map(|one| CategoryReference::parse(one.trim())).collect()
    });
    let channels = optional(&mut faults, "channels", field("channels"), channels);
    let [price, compare_at, cost] =
        amounts(&mut faults, ["price", "compare_at", "cost"].map(|column| (column, field(column))), field("currency"));
    match (slug, sku) {
        (Some(slug), Some(sku)) if faults.is_empty() => Ok(ImportedProduct {
            line,
            title,
            category: category.map(Some),
            categories: categories.map(Some),
            brand: brand.map(Some),
            short_description: short.map(Some),
            description: description.map(Some),
            tags: tags.map(Some),
            channels,
            status,
            variants: vec![ImportedVariant {
                line,
                title: variant_title,
                price,
                active,
                compare_at: compare_at.map(Some),
                cost: cost.map(Some),
                barcode: barcode.map(Some),
                weight_grams: weight_grams.map(Some),
                length_mm: length_mm.map(Some),
                width_mm: width_mm.map(Some),
                height_mm: height_mm.map(Some),
                stock,
                low_threshold,
                ..ImportedVariant::of(sku)
            }],
            ..ImportedProduct::of(slug)
        }),
        (slug, _) => Err((slug, faults)),
    }
}

/// Adds the variant of the next line to its product. What the line says about the product must agree with the first line.
pub(super) fn join(product: &mut ImportedProduct, next: ImportedProduct) -> Result<(), Vec<RowFault>> {
    let first = product.line;
    let mut faults = Vec::new();
    let agree = [
        ("title", agrees(&next.title, &product.title)),
        ("category", agrees(&next.category, &product.category)),
        ("categories", agrees(&next.categories, &product.categories)),
        ("brand", agrees(&next.brand, &product.brand)),
        ("short_description", agrees(&next.short_description, &product.short_description)),
        ("description", agrees(&next.description, &product.description)),
        ("tags", agrees(&next.tags, &product.tags)),
        ("channels", agrees(&next.channels, &product.channels)),
        ("status", agrees(&next.status, &product.status)),
    ];
    for (column, _) in agree.iter().filter(|(_, agrees)| !agrees) {
        faults.push(RowFault::new(*column, format!("differs from that of the same product on line {first}")));
    }
    if faults.is_empty() {
        product.variants.extend(next.variants);
        Ok(())
    } else {
        Err(faults)
    }
}

fn agrees<T: PartialEq>(next: &Option<T>, first: &Option<T>) -> bool {
    next.is_none() || next == first
}

fn required<T, E: std::fmt::Display>(
    faults: &mut Vec<RowFault>,
    column: &str,
    text: Option<&str>,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Option<T> {
    if text.is_none() {
        faults.push(RowFault::new(column, "is needed"));
    }
    optional(faults, column, text, parse)
}

fn optional<T, E: std::fmt::Display>(
    faults: &mut Vec<RowFault>,
    column: &str,
    text: Option<&str>,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Option<T> {
    match parse(text?) {
        Ok(value) => Some(value),
        Err(reason) => {
            faults.push(RowFault::new(column, reason.to_string()));
            None
        }
    }
}

/// Channels between commas, or `*` for every one.
fn channels(text: &str) -> Result<Option<BTreeSet<ChannelCode>>, Malformed> {
    match text {
        "*" => Ok(None),
        listed => listed.split(',').map(|code| ChannelCode::parse(code.trim())).collect::<Result<_, _>>().map(Some),
    }
}

fn measure<T: TryFrom<i64, Error = Malformed>>(text: &str) -> Result<T, String> {
    T::try_from(whole_number(text)?).map_err(|error| error.reason().to_owned())
}

fn whole_number(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| "must be a whole number".to_owned())
}

/// The amounts of a line, which are all in its currency.
fn amounts<const COUNT: usize>(
    faults: &mut Vec<RowFault>,
    amounts: [(&str, Option<&str>); COUNT],
    currency: Option<&str>,
) -> [Option<Money>; COUNT] {
    if amounts.iter().all(|(_, amount)| amount.is_none()) {
        return [None; COUNT];
    }
    if currency.is_none() {
        faults.push(RowFault::new("currency", "is needed beside an amount"));
    }
    let currency = optional(faults, "currency", currency, Currency::parse);
    amounts.map(|(column, amount)| match currency {
        Some(currency) => optional(faults, column, amount, |text| Money::parse(text, currency)),
        None => optional(faults, column, amount, |text| Money::digits(text).map(drop)).and(None),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(pairs: &[(&str, &str)]) -> Record {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn every_fault_of_a_line_is_reported_with_its_column() {
        let line = record(&[
            ("slug", "Not A Slug"),
            ("sku", ""),
            ("price", "1.234"),
            ("currency", "USD"),
            ("stock", "many"),
            ("status", "retired"),
            ("colour", "red"),
            ("barcode", "12345678"),
            ("weight_grams", "-1"),
            ("tags", "good,,bad"),
            ("cost", "1,0"),
            ("active", "yes"),
            ("low_threshold", "few"),
            ("height_mm", "1.5"),
            ("category", "No Slug"),
            ("channels", "shop;market"),
        ]);
        let (slug, faults) = csv_row(7, &line).unwrap_err();
        assert_eq!(slug, None);
        let columns: Vec<_> = faults.iter().filter_map(|fault| fault.column.as_deref()).collect();
        assert_eq!(
            columns,
            [
                "colour",
                "slug",
                "sku",
                "tags",
                "status",
                "barcode",
                "weight_grams",
                "height_mm",
                "active",
                "stock",
                "low_threshold",
                "category",
                "channels",
                "price",
                "cost"
            ]
        );
        assert_eq!(faults[4].reason, "must be draft or active");
        for currency in ["", "usd"] {
            let line = record(&[("slug", "lamp"), ("sku", "A"), ("price", "1,5"), ("currency", currency)]);
            let (_, faults) = csv_row(8, &line).unwrap_err();
            let columns: Vec<_> = faults.iter().filter_map(|fault| fault.column.as_deref()).collect();
            assert_eq!(columns, ["currency", "price"], "{currency:?}");
        }
    }

    #[test]
    fn a_line_of_csv_says_what_a_line_of_json_says() {
        let line = record(&[
            ("slug", "lamp"),
            ("brand", "Aurora"),
            ("short_description", "For desks"),
            ("tags", "Desk, đèn ,desk"),
            ("sku", "A"),
            ("barcode", "96385074"),
            ("price", "1.50"),
            ("compare_at", "2"),
            ("cost", "1"),
            ("currency", "USD"),
            ("weight_grams", "1250"),
            ("length_mm", "1"),
            ("width_mm", "2"),
            ("height_mm", "3"),
            ("active", "false"),
            ("low_threshold", "4"),
            ("channels", "shop, market"),
            ("category", "lights"),
            ("categories", "lights, home/desks"),
        ]);
        let text = r#"{"slug": "lamp", "brand": "Aurora", "short_description": "For desks", "tags": ["đèn", "Desk"],
            "channels": ["market", "shop"], "category": "lights", "categories": ["lights", "home/desks"],
            "variants": [{"sku": "A", "barcode": "96385074", "price": {"amount": "1.50", "currency": "USD"},
                "compare_at": {"amount": "2", "currency": "USD"}, "cost": {"amount": "1", "currency": "USD"},
                "weight_grams": 1250, "length_mm": 1, "width_mm": 2,
                "height_mm": 3, "active": false, "low_threshold": 4}]}"#;
        let mut json = json_row(7, serde_json::from_str(text).unwrap());
        (json.whole, json.variants[0].prefix) = (false, String::new());
        assert_eq!(csv_row(7, &line).unwrap(), json);
    }

    #[test]
    fn neighbouring_lines_are_one_product_and_must_agree_about_it() {
        let line =
            |sku: &str, title: &str| csv_row(2, &record(&[("slug", "lamp"), ("sku", sku), ("title", title)])).unwrap();
        let mut product = line("A", "Lamp");
        join(&mut product, line("B", "")).unwrap();
        join(&mut product, line("C", "Lamp")).unwrap();
        assert_eq!(join(&mut product, line("D", "Table")).unwrap_err()[0].column.as_deref(), Some("title"));
        assert_eq!(product.variants.len(), 3);
    }

    #[test]
    fn a_line_of_json_is_one_product() {
        let text = r#"{"slug":"lamp","title":"Lamp","variants":[{"sku":"A","price":{"amount":"1.50","currency":"USD"},"stock":3}]}"#;
        let product = json_row(4, serde_json::from_str(text).unwrap());
        assert_eq!((product.line, product.whole, product.variants[0].stock), (4, true, Some(3)));
        assert_eq!(product.variants[0].prefix, "variants[0].");
        assert!(serde_json::from_str::<ImportedProduct>(r#"{"slug":"lamp","colour":"red"}"#).is_err());
    }
}
