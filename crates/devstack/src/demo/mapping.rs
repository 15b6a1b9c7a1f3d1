//! Product rows of foreign files, whatever their columns are called, as rows of the import.
//! The rule it keeps: nothing but the stock is invented; a product without a price becomes a draft.

use serde_json::{Map, Value, json};

use super::categories::{Level, Path};

/// The names of columns, by their meaning.
const TITLE: [&str; 4] = ["title", "name", "product_title", "metadata.name"];
const PRICE: [&str; 4] = ["price", "variant price", "unitprice", "product_price"];
const BRAND: [&str; 4] = ["brand", "vendor", "manufacturer", "metadata.manufacturer"];
const CATEGORY: [&str; 4] = ["categories", "category", "type", "product_type"];
const DESCRIPTION: [&str; 3] = ["description", "body (html)", "product_description"];

/// The longest title and description that the demo imports, in characters.
const TITLE_LIMIT: usize = 200;
const DESCRIPTION_LIMIT: usize = 2_000;

/// One row of the import.
#[derive(Debug)]
pub(super) struct Mapped {
    pub(super) row: Value,
    pub(super) sku: String,
    pub(super) category: Option<Path>,
    pub(super) for_sale: bool,
}

/// Maps one row; none when it has no title.
pub(super) fn product(row: &Map<String, Value>) -> Option<Mapped> {
    let title = text(row, &TITLE)?;
    let brand = text(row, &BRAND).filter(|brand| !title.to_lowercase().starts_with(&brand.to_lowercase()));
    let title = cut(&brand.map_or_else(|| title.clone(), |brand| format!("{brand} {title}")), TITLE_LIMIT);
    // From the whole row: the same row always gets the same SKU, and two variants of a model get different ones.
    let mark = format!("{:08x}", checksum(&Value::Object(row.clone()).to_string()));
    let stem = slug(&title, 48);
    let slug = if stem.is_empty() { mark.clone() } else { format!("{stem}-{mark}") };
    let sku = format!("{}-{mark}", slug_head(&stem)).to_uppercase();
    let price = price(row);
    let path = category(row);
    let mut variant = json!({
        "sku": sku, "title": "Standard",
        "price": {"amount": price.clone().unwrap_or_else(|| "0.00".to_owned()), "currency": "USD"},
    });
    if price.is_some() {
        // Files rarely have a stock: 100 to 1,099 pieces, the same every time.
        variant["stock"] = Value::from(100 + checksum(&sku) % 1_000);
    }
    let mut product = json!({
        "slug": slug, "title": title, "status": if price.is_some() { "active" } else { "draft" }, "variants": [variant],
    });
    if let Some(description) = text(row, &DESCRIPTION) {
        product["description"] = Value::from(cut(&description, DESCRIPTION_LIMIT));
    }
    if let Some(path) = &path {
        product["category"] = Value::from(joined(path));
    }
    Some(Mapped { row: product, sku, category: path, for_sale: price.is_some() })
}

/// The slugs of a path as the import names a category.
pub(super) fn joined(path: &Path) -> String {
    path.iter().map(|level| level.slug.as_str()).collect::<Vec<_>>().join("/")
}

/// A path from its slugs, with names that are made from them.
pub(super) fn path_of_slugs(text: &str) -> Path {
    text.split('/')
        .filter(|slug| !slug.is_empty())
        .map(|slug| Level { slug: slug.to_owned(), name: heading(slug) })
        .collect()
}

fn category(row: &Map<String, Value>) -> Option<Path> {
    let names: Vec<String> = CATEGORY.iter().find_map(|name| match find(row, name)? {
        Value::Array(levels) => Some(levels.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect()),
        Value::String(name) if !name.trim().is_empty() => Some(vec![name.clone()]),
        _ => None,
    })?;
    let levels = names.iter().map(|name| Level { slug: slug(name, 64), name: cut(&heading(name), 120) });
    Some(levels.filter(|level| !level.slug.is_empty()).collect()).filter(|path: &Path| !path.is_empty())
}

fn price(row: &Map<String, Value>) -> Option<String> {
    let price = PRICE.iter().find_map(|name| match find(row, name)? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().trim_start_matches('$').replace(',', "").parse().ok(),
        _ => None,
    })?;
    (price > 0.0 && price < 1_000_000.0).then(|| format!("{price:.2}"))
}

fn text(row: &Map<String, Value>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| match find(row, name)? {
        Value::String(text) => {
            Some(text.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|text| !text.is_empty())
        }
        _ => None,
    })
}

/// A field by its name, whose case does not matter; a dot leads one level down.
fn find<'a>(row: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if let Some((first, rest)) = name.split_once('.') {
        return find(row.get(first)?.as_object()?, rest);
    }
    row.iter().find(|(known, _)| known.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// Lower-case letters, digits and single hyphens.
fn slug(text: &str, longest: usize) -> String {
    let mut slug = String::new();
    for letter in text.chars() {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() >= longest {
            break;
        }
    }
    slug.trim_end_matches('-').to_owned()
}

fn slug_head(slug: &str) -> String {
    slug.split('-').take(3).collect::<Vec<_>>().join("-").chars().take(24).collect()
}

/// `cell-phones` as "Cell phones".
fn heading(slug: &str) -> String {
    let text = slug.replace(['-', '_'], " ");
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn cut(text: &str, longest: usize) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(longest).collect::<String>().trim().to_owned()
}

/// FNV-1a, folded to 32 bits. Rust's own hash may change with its version, and SKUs must not.
fn checksum(text: &str) -> u64 {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    (hash ^ (hash >> 32)) & 0xffff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapped(row: Value) -> Option<Mapped> {
        product(row.as_object().unwrap())
    }

    #[test]
    fn a_row_with_everything_becomes_a_product_for_sale() {
        let row = json!({"name": "Galaxy  Express", "brand": "Acme", "price": 49.99, "categories": ["Cell Phones", "Prepaid"], "description": "A phone."});
        let mapped = mapped(row).unwrap();
        assert_eq!(mapped.row["title"], "Acme Galaxy Express");
        assert_eq!(mapped.row["category"], "cell-phones/prepaid");
        assert_eq!(mapped.row["variants"][0]["price"]["amount"], "49.99");
        assert!(mapped.for_sale && mapped.row["slug"].as_str().unwrap().len() <= 64);
    }

    #[test]
    fn a_row_without_a_price_is_a_draft_and_its_title_has_the_brand_once() {
        let mapped = mapped(json!({"metadata": {"name": "NZXT Hue", "manufacturer": "NZXT"}, "category": "case-accessory", "price": null})).unwrap();
        assert_eq!(mapped.row["title"], "NZXT Hue");
        assert_eq!(mapped.row["status"], "draft");
        assert!(!mapped.for_sale && mapped.row["variants"][0].get("stock").is_none());
    }

    #[test]
    fn variants_of_a_model_differ_and_a_row_is_the_same_product_every_time() {
        let black = json!({"name": "Mouse", "price": "24", "color": "black"});
        let white = json!({"name": "Mouse", "price": "24", "color": "white"});
        assert_eq!(mapped(black.clone()).unwrap().sku, mapped(black.clone()).unwrap().sku);
        assert_ne!(mapped(black).unwrap().sku, mapped(white).unwrap().sku);
    }

    #[test]
    fn a_row_without_a_title_is_no_product() {
        assert!(mapped(json!({"price": 3})).is_none());
    }
}
