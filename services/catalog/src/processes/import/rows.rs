//! One row of an import file as a domain value. Both formats end in `ImportedProduct`.

use exchange::Record;
use kernel::{Currency, Money, Sku, Slug};

use crate::domain::barcode::Barcode;
use crate::domain::import::{ImportedProduct, ImportedVariant, RowFault};
use crate::domain::measure::Grams;
use crate::domain::product::SettableStatus;
use crate::domain::wording::{Brand, Description, ShortDescription, Tag, Title};

/// The columns that a CSV file may have.
const COLUMNS: [&str; 17] = [
    "slug",
    "title",
    "category",
    "brand",
    "short_description",
    "description",
    "tags",
    "status",
    "sku",
    "barcode",
    "variant_title",
    "price",
    "compare_at",
    "cost",
    "currency",
    "weight_grams",
    "stock",
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
    let weight_grams = optional(&mut faults, "weight_grams", field("weight_grams"), |text| {
        Grams::try_from(whole_number(text)?).map_err(|error| error.reason().to_owned())
    });
    let stock = optional(&mut faults, "stock", field("stock"), whole_number);
    let [price, compare_at, cost] =
        amounts(&mut faults, ["price", "compare_at", "cost"].map(|column| (column, field(column))), field("currency"));
    match (slug, sku) {
        (Some(slug), Some(sku)) if faults.is_empty() => Ok(ImportedProduct {
            line,
            slug,
            title,
            category: field("category").map(str::to_owned),
            brand,
            short_description: short,
            description,
            tags,
            status,
            variants: vec![ImportedVariant {
                line,
                prefix: String::new(),
                sku,
                title: variant_title,
                price,
                compare_at,
                cost,
                barcode,
                weight_grams,
                stock,
            }],
            whole: false,
        }),
        (slug, _) => Err((slug, faults)),
    }
}

/// Adds the variant of the next line to its product. What the line says about the product must agree with the first line.
pub(super) fn join(product: &mut ImportedProduct, next: ImportedProduct) -> Result<(), Vec<RowFault>> {
    let first = product.line;
    let mut faults = Vec::new();
    let mut differs = |column: &str, other: bool| {
        if other {
            faults.push(RowFault::new(column, format!("differs from that of the same product on line {first}")));
        }
    };
    differs("title", next.title.is_some() && next.title != product.title);
    differs("category", next.category.is_some() && next.category != product.category);
    differs("brand", next.brand.is_some() && next.brand != product.brand);
    let short = &next.short_description;
    differs("short_description", short.is_some() && *short != product.short_description);
    differs("tags", next.tags.is_some() && next.tags != product.tags);
    differs("description", next.description.is_some() && next.description != product.description);
    differs("status", next.status.is_some() && next.status != product.status);
    if faults.is_empty() {
        product.variants.extend(next.variants);
        Ok(())
    } else {
        Err(faults)
    }
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
        ]);
        let (slug, faults) = csv_row(7, &line).unwrap_err();
        assert_eq!(slug, None);
        let columns: Vec<_> = faults.iter().filter_map(|fault| fault.column.as_deref()).collect();
        assert_eq!(
            columns,
            ["colour", "slug", "sku", "tags", "status", "barcode", "weight_grams", "stock", "price", "cost"]
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
        ]);
        let text = r#"{"slug": "lamp", "brand": "Aurora", "short_description": "For desks", "tags": ["đèn", "Desk"],
            "variants": [{"sku": "A", "barcode": "96385074", "price": {"amount": "1.50", "currency": "USD"},
                "compare_at": {"amount": "2", "currency": "USD"}, "cost": {"amount": "1", "currency": "USD"},
                "weight_grams": 1250}]}"#;
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
