//! The store under measurement: its own servers on data that is synced to disk, release builds, no limits.

use e2e::{Servers, Shop, Store, Wishes};
use reqwest::Method;
use serde_json::{Value, json};

use crate::Failure;

/// How many passwords auth hashes at once, as it is by default.
pub(crate) const HASHES_AT_ONCE: &str = "3";

pub(crate) const WISHES: Wishes = Wishes {
    servers: Servers::Synced,
    replicas: 1,
    variables: &[
        ("LIMIT_ADDRESS_PER_MINUTE", "0"),
        ("LIMIT_ORGANISATION_PER_MINUTE", "0"),
        ("LIMIT_LOGIN_PER_MINUTE", "0"),
        ("PASSWORD_HASHES_AT_ONCE", HASHES_AT_ONCE),
        ("TRACE_SAMPLE_RATIO", "0"),
        ("TRACE_FILE", ""),
        ("LOG_LEVEL", "warn"),
        ("ORDER_DEADLINE_SECONDS", "1800"),
    ],
};

/// `host:port` of the gateway.
pub(crate) fn gateway(store: &Store) -> String {
    store.gateways().concat().trim_start_matches("http://").to_owned()
}

/// Imports NDJSON and reads its summary alone: the import is timed, and not what a client does with its rows.
pub(crate) async fn import(shop: &Shop, lines: String) -> Result<(), Failure> {
    let importer = shop.owner.clone().without_key().with("content-type", "application/x-ndjson");
    let reply = importer.send(Method::POST, "/admin/v1/imports", Some(lines.into_bytes())).await.text();
    let last: Value = serde_json::from_str(reply.lines().last().unwrap_or_default())?;
    if !last["summary"].is_object() || last["summary"]["failed"] != 0 {
        return Err(format!("the import did not succeed: {}", reply.lines().next().unwrap_or_default()).into());
    }
    Ok(())
}

/// Puts SKUs on sale in a shop and waits until they can be ordered.
pub(crate) async fn sell(store: &Store, shop: &Shop, skus: &[String], stock: i64) -> Result<(), Failure> {
    let lines: Vec<String> = skus.iter().map(|sku| product_line(sku, stock)).collect();
    import(shop, lines.join("\n")).await?;
    shop.can_be_ordered(store, &skus.iter().map(String::as_str).collect::<Vec<_>>()).await;
    Ok(())
}

/// A product of one variant as a line of an import.
pub(crate) fn product_line(sku: &str, stock: i64) -> String {
    json!({"slug": sku.to_lowercase(), "title": format!("Product {sku}"),
           "description": "A product that was made up to be measured, with a description of the usual length for a shop.",
           "variants": [{"sku": sku, "title": "Standard", "price": {"amount": "19.90", "currency": "USD"}, "stock": stock}]})
    .to_string()
}
