//! The demo's catalog: the sample in `deploy/sample` or the file that `DATA` names, as NDJSON lines for the import.

use std::collections::BTreeMap;
use std::path::{Path as FilePath, PathBuf};
use std::time::{Duration, Instant};

use devstack::Error;
use reqwest::Body;
use serde_json::{Map, Value, json};

use super::categories::Path;
use super::client::Client;
use super::{mapping, words};
use crate::words::say;

/// The sample, which was written for this project.
const SAMPLE: &str = include_str!("../../../../deploy/sample/catalog.ndjson");

/// The SKU of the sample that all shoppers order.
const SAMPLE_WANTED: &str = "AURORA-BUDS-PRO-BLACK";

/// The size of a chunk of the upload, in bytes.
const CHUNK: usize = 64 * 1024;

/// How often a file is imported again because its new categories have not reached catalog yet.
const REPEATS: u32 = 20;

/// A file that can be imported, and what the demo has to know about it.
pub(super) struct CatalogFile {
    pub(super) name: String,
    pub(super) categories: BTreeMap<String, Path>,
    /// The SKU that all shoppers order.
    pub(super) wanted: String,
    /// Others that are for sale.
    pub(super) others: Vec<String>,
    stocked: Vec<(i64, String)>,
    lines: Vec<u8>,
    rows: usize,
    drafts: usize,
    skipped: usize,
}

impl CatalogFile {
    /// The sample, or this file: NDJSON, a JSON array or CSV, with any columns, gzipped or not.
    pub(super) async fn read(path: Option<PathBuf>) -> Result<Self, Error> {
        let (name, text, wanted) = match path {
            None => ("the sample catalog".to_owned(), SAMPLE.to_owned(), Some(SAMPLE_WANTED)),
            Some(path) => (path.display().to_string(), text_of(&path).await?, None),
        };
        let mut file = Self {
            name,
            categories: BTreeMap::new(),
            wanted: wanted.unwrap_or_default().to_owned(),
            others: Vec::new(),
            stocked: Vec::new(),
            lines: Vec::with_capacity(text.len()),
            rows: 0,
            drafts: 0,
            skipped: 0,
        };
        let is_csv = file.name.trim_end_matches(".gz").ends_with(".csv");
        let rows = if is_csv { merged(csv_rows(&text, &file.name)?) } else { json_rows(&text, &file.name)? };
        for row in rows {
            file.take(row);
        }
        // Those with the most stock, so that only the wanted one runs out.
        file.stocked.sort_by_key(|(stock, _)| std::cmp::Reverse(*stock));
        let best: Vec<String> = file.stocked.drain(..).take(5).map(|(_, sku)| sku).collect();
        file.others.extend(best);
        if file.wanted.is_empty() || file.others.is_empty() {
            return Err(Error::Refused(format!(
                "{} has fewer than two products with a price that the demo could sell ({} rows, {} without a price, {} that name no product)",
                file.name, file.rows, file.drafts, file.skipped
            )));
        }
        Ok(file)
    }

    fn take(&mut self, mut row: Map<String, Value>) {
        self.rows += 1;
        let ours = row.contains_key("slug") && row.get("variants").is_some_and(Value::is_array);
        let line = if ours {
            if let Some(category) = row.get("category").and_then(Value::as_str) {
                self.categories.entry(category.to_owned()).or_insert_with(|| mapping::path_of_slugs(category));
            }
            for variant in row.get_mut("variants").and_then(Value::as_array_mut).into_iter().flatten() {
                let sku = words(&variant["sku"]).to_owned();
                if self.wanted.is_empty() {
                    self.wanted.clone_from(&sku);
                }
                if sku != self.wanted {
                    self.stocked.push((variant["stock"].as_i64().unwrap_or_default(), sku));
                } else if let Some(variant) = variant.as_object_mut() {
                    variant.remove("stock");
                }
            }
            Value::Object(row)
        } else if let Some(mut mapped) = mapping::product(&row) {
            if let Some(path) = mapped.category.take() {
                self.categories.entry(mapping::joined(&path)).or_insert(path);
            }
            if !mapped.for_sale {
                self.drafts += 1;
            } else if self.wanted.is_empty() {
                remove_stock(&mut mapped.row);
                self.wanted = mapped.sku;
            } else if self.others.len() < 20 {
                remove_stock(&mut mapped.row);
                self.others.push(mapped.sku);
            }
            mapped.row
        } else {
            self.skipped += 1;
            return;
        };
        self.lines.extend_from_slice(line.to_string().as_bytes());
        self.lines.push(b'\n');
    }
}

/// Removes the stock from a product that the demo orders. The demo sets it, and an import must not reset it while orders hold
/// some of it.
fn remove_stock(product: &mut Value) {
    if let Some(variant) = product["variants"][0].as_object_mut() {
        variant.remove("stock");
    }
}

/// The result of the import.
#[derive(Debug, Default)]
pub(super) struct Imported {
    summary: Value,
    took: Duration,
    faults: Vec<String>,
    drafts: usize,
    skipped: usize,
    repeats: u32,
}

impl Imported {
    pub(super) fn words(&self) -> Vec<String> {
        let count = |name: &str| self.summary[name].as_u64().unwrap_or_default();
        let rate = count("rows") as f64 / self.took.as_secs_f64().max(0.001);
        let mut lines = vec![format!(
            "{} rows: {} created, {} updated, {} unchanged, {} failed ({rate:.0} rows/s)",
            count("rows"),
            count("created"),
            count("updated"),
            count("unchanged"),
            count("failed"),
        )];
        if self.drafts + self.skipped > 0 {
            lines.push(format!(
                "{} without a price are drafts, {} rows of the file name no product",
                self.drafts, self.skipped
            ));
        }
        if self.repeats > 0 {
            lines.push(format!(
                "sent {} times: the new categories had not reached catalog over Kafka yet",
                self.repeats + 1
            ));
        }
        lines.extend(self.faults.iter().map(|fault| format!("failed: {fault}")));
        lines
    }
}

/// Uploads the file and reads the result of each row as it arrives.
pub(super) async fn import(client: &Client, file: &CatalogFile) -> Result<Imported, Error> {
    let mut repeats = 0;
    loop {
        let begun = Instant::now();
        let mut imported = once(client, file).await?;
        imported.took = begun.elapsed();
        imported.repeats = repeats;
        let waits =
            !imported.faults.is_empty() && imported.faults.iter().all(|fault| fault.contains("there is no category"));
        if !waits || repeats == REPEATS {
            return Ok(imported);
        }
        repeats += 1;
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
}

async fn once(client: &Client, file: &CatalogFile) -> Result<Imported, Error> {
    let chunks: Vec<Result<Vec<u8>, std::io::Error>> =
        file.lines.chunks(CHUNK).map(|chunk| Ok(chunk.to_vec())).collect();
    let mut reply = client.import("application/x-ndjson", Body::wrap_stream(futures::stream::iter(chunks))).await?;
    let mut imported = Imported { drafts: file.drafts, skipped: file.skipped, ..Imported::default() };
    let mut pending = Vec::new();
    let (mut seen, mut reported) = (0_usize, Instant::now());
    while let Some(chunk) = reply.chunk().await.map_err(Error::http("read the import's results"))? {
        pending.extend_from_slice(&chunk);
        while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = pending.drain(..=end).collect();
            let Ok(line) = serde_json::from_slice::<Value>(&line) else { continue };
            seen += 1;
            if let Some(summary) = line.get("summary") {
                imported.summary = summary.clone();
            } else if line["result"] == "failed" && imported.faults.len() < 5 {
                imported.faults.push(format!("line {}: {}", line["line"], line["errors"]));
            }
        }
        if reported.elapsed() > Duration::from_secs(2) {
            say!("      {seen} of {} rows", file.rows - file.skipped);
            reported = Instant::now();
        }
    }
    if imported.summary.is_null() {
        return Err(Error::Http {
            action: "import the file".to_owned(),
            detail: "the reply ended without a summary".to_owned(),
        });
    }
    Ok(imported)
}

/// The file's text, unpacked by the program `gzip` if its name ends with `.gz`.
async fn text_of(path: &FilePath) -> Result<String, Error> {
    if path.extension().is_none_or(|extension| extension != "gz") {
        let bytes = std::fs::read(path).map_err(Error::file("read", path))?;
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    let packed = std::fs::File::open(path).map_err(Error::file("read", path))?;
    let unpacked = std::process::Command::new("gzip").arg("-dc").stdin(packed).output();
    let output = unpacked.map_err(|source| Error::Spawn { program: "gzip".to_owned(), source })?;
    if !output.status.success() {
        return Err(Error::Failed {
            command: format!("gzip -dc {}", path.display()),
            status: output.status.to_string(),
            output: String::from_utf8_lossy(&output.stderr).into_owned(),
        });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A JSON array of objects, or one object per line.
fn json_rows(text: &str, name: &str) -> Result<Vec<Map<String, Value>>, Error> {
    let refused = |error: serde_json::Error| {
        Error::Refused(format!("{name} is neither NDJSON nor a JSON array of objects: {error}"))
    };
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text).map_err(refused);
    }
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| serde_json::from_str(line).map_err(refused))
        .collect()
}

/// CSV with a header; the separator is the one that occurs most often in the header.
fn csv_rows(text: &str, name: &str) -> Result<Vec<Map<String, Value>>, Error> {
    let header = text.lines().next().unwrap_or_default();
    let separator = [b',', b'|', b';', b'\t']
        .into_iter()
        .max_by_key(|separator| header.bytes().filter(|byte| byte == separator).count())
        .unwrap_or(b',');
    let refused = |error: csv::Error| Error::Refused(format!("{name} is not CSV: {error}"));
    let mut reader = csv::ReaderBuilder::new().delimiter(separator).flexible(true).from_reader(text.as_bytes());
    let names: Vec<String> = reader
        .headers()
        .map_err(refused)?
        .iter()
        .map(|column| column.trim_start_matches('\u{feff}').trim().to_owned())
        .collect();
    reader
        .records()
        .map(|record| {
            let record = record.map_err(refused)?;
            Ok(names.iter().cloned().zip(record.iter().map(Value::from)).collect())
        })
        .collect()
}

/// Merges the rows of a CSV in the import's own columns, which has a line per variant, into one row per product. Rows with
/// other columns stay as they are.
fn merged(rows: Vec<Map<String, Value>>) -> Vec<Map<String, Value>> {
    if !rows.first().is_some_and(|row| row.contains_key("slug") && row.contains_key("sku")) {
        return rows;
    }
    let mut products: Vec<Map<String, Value>> = Vec::new();
    for mut row in rows {
        let mut taken =
            |name: &str| row.remove(name).filter(|value| value.as_str().is_some_and(|text| !text.is_empty()));
        let mut variant = Map::new();
        variant.extend(taken("sku").map(|sku| ("sku".to_owned(), sku)));
        variant.extend(taken("variant_title").map(|title| ("title".to_owned(), title)));
        let currency = taken("currency").unwrap_or_else(|| Value::from("USD"));
        variant
            .extend(taken("price").map(|amount| ("price".to_owned(), json!({"amount": amount, "currency": currency}))));
        let stock = taken("stock").and_then(|stock| stock.as_str().and_then(|text| text.parse::<i64>().ok()));
        variant.extend(stock.map(|stock| ("stock".to_owned(), Value::from(stock))));
        row.retain(|_, value| value.as_str().is_some_and(|text| !text.is_empty()));
        match products.last_mut().filter(|product| product.get("slug") == row.get("slug")) {
            Some(product) => {
                if let Some(Value::Array(variants)) = product.get_mut("variants") {
                    variants.push(Value::Object(variant));
                }
            }
            None => {
                row.insert("variants".to_owned(), Value::Array(vec![Value::Object(variant)]));
                products.push(row);
            }
        }
    }
    products
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_sample_has_what_the_demo_needs() {
        let file = CatalogFile::read(None).await.unwrap();
        assert!(file.rows >= 60, "{} products", file.rows);
        assert!(file.others.len() >= 3 && !file.others.contains(&file.wanted));
        assert!(file.categories.contains_key("electronics/audio"));
        assert!(SAMPLE.contains(&format!("\"{SAMPLE_WANTED}\"")));
    }

    #[test]
    fn a_file_may_be_separated_by_pipes() {
        let rows = csv_rows("id|title|price\n0|A, b|12.65\n", "x").unwrap();
        assert_eq!(rows[0]["title"], "A, b");
    }

    #[test]
    fn our_own_csv_becomes_one_product_with_its_variants() {
        let text = "slug,title,sku,variant_title,price,currency,stock\nlamp,Lamp,L-1,Black,12.50,USD,4\nlamp,,L-2,White,12.50,USD,5\n";
        let rows = merged(csv_rows(text, "x").unwrap());
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0]["variants"][1]["price"]["amount"], "12.50");
        assert_eq!(rows[0]["variants"][0]["stock"], 4);
    }
}
