//! `make demo`: the main job on the running stack, each step with its time.
//! The rule it keeps: it may run any number of times on the same stack.

mod catalog_file;
mod categories;
mod client;
mod mapping;
mod messages;
mod rush;
mod steps;
mod trace;

use std::path::PathBuf;
use std::process::ExitCode;

use devstack::Error;
use serde_json::{Value, json};

use crate::stack::{self, EnvFile};
use crate::words::say;
use catalog_file::CatalogFile;
use client::Client;
use rush::Rush;
use steps::Steps;

/// How many shoppers order at once.
pub(super) const SHOPPERS: usize = 200;

/// How many pieces of the wanted SKU are available to them.
pub(super) const PIECES: i64 = 50;

pub(crate) async fn run() -> Result<ExitCode, Error> {
    let env = match stack::running().await {
        Some(env) => env,
        None => stack::up().await?,
    };
    let steps = Steps::begin();
    let file = CatalogFile::read(std::env::var_os("DATA").filter(|path| !path.is_empty()).map(PathBuf::from)).await?;

    let client = steps.timed("log in", log_in(&env)).await?;
    steps.note(&format!("{} as {}", env.required("DEMO_ORGANISATION")?, env.required("DEMO_EMAIL")?));

    let tree = steps.timed("create the category tree", categories::ensure(&client, &file.categories)).await?;
    steps.note(&format!("{} wanted, {} created, {} were there", file.categories.len(), tree.created, tree.found));

    let imported = steps.timed(&format!("import {}", file.name), catalog_file::import(&client, &file)).await?;
    for line in imported.words() {
        steps.note(&line);
    }

    steps.timed("find products", find_products(&client, &steps)).await?;

    let rush = steps
        .timed(&format!("set the stock of {} to exactly {PIECES}", file.wanted), Rush::prepare(&client, &file))
        .await?;
    steps.note(&rush.words());

    let seen = messages::last_seen(&env).await;
    let title = format!("{SHOPPERS} shoppers order {} at once, among other lines", rush.wanted);
    let outcome = steps.timed(&title, rush.run(&client)).await?;
    for line in outcome.words() {
        steps.note(&line);
    }
    if client.retries() > 0 {
        let times = client.retries();
        steps.note(&format!("the store was busy: retried {times} times after `Retry-After`, each with the same key"));
    }
    let ledger = steps.timed("compare with the stock's ledger", rush.settle(&client)).await?;
    steps.note(&ledger.words());

    let received = steps.timed("wait for the messages to the operations team", messages::wait(&env, &seen)).await?;
    for line in received.words() {
        steps.note(&line);
    }

    let path = steps.timed("follow one more order through all services", trace::follow(&client, &env, &rush)).await?;
    for line in path.words() {
        steps.note(&line);
    }

    let good = outcome.sold() == PIECES && ledger.agrees() && path.is_whole();
    summary(&env, &rush, &outcome, &path, &steps, good)?;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn log_in(env: &EnvFile) -> Result<Client, Error> {
    let mut client = Client::new(env.required("GATEWAY_URL")?, env.required("DEMO_ORGANISATION")?)?;
    let login = json!({
        "organisation": env.required("DEMO_ORGANISATION")?,
        "email": env.required("DEMO_EMAIL")?,
        "password": env.required("DEMO_PASSWORD")?,
    });
    let session = client.post("log in", "/auth/v1/login", &login).await?;
    client.set_token(session["access_token"].as_str().unwrap_or_default());
    Ok(client)
}

async fn find_products(client: &Client, steps: &Steps) -> Result<(), Error> {
    let newest =
        client.get("list products", "/admin/v1/products?where=status:eq:active&sort=-updated_at&limit=100").await?;
    steps.note(&format!(
        "staff: {} products on the first page, changed last: {}",
        items(&newest).len(),
        title(&newest)
    ));
    let dearest = client.shop("list the shop", "products?sort=-price_from&limit=3").await?;
    let names: Vec<String> = items(&dearest)
        .iter()
        .map(|item| format!("{} {}", words(&item["title"]), money(&item["price_from"])))
        .collect();
    steps.note(&format!("shop, dearest first: {}", names.join(" · ")));
    Ok(())
}

fn title(page: &Value) -> String {
    items(page).first().map(|item| words(&item["title"]).to_owned()).unwrap_or_default()
}

/// The items of a page.
fn items(page: &Value) -> &[Value] {
    page["items"].as_array().map_or(&[], Vec::as_slice)
}

/// A string of a reply; empty when the value is not a string.
fn words(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// An amount as a person reads it.
fn money(value: &Value) -> String {
    format!("{} {}", words(&value["amount"]), words(&value["currency"]))
}

fn summary(
    env: &EnvFile,
    rush: &Rush,
    outcome: &rush::Outcome,
    path: &trace::Path,
    steps: &Steps,
    good: bool,
) -> Result<(), Error> {
    let gateway = env.required("GATEWAY_URL")?;
    let organisation = env.required("DEMO_ORGANISATION")?;
    say!();
    if good {
        say!(
            "done in {}: {PIECES} of {PIECES} sold, none twice; the services talked to each other only over Kafka",
            steps.total()
        );
    } else {
        say!(
            "NOT as it should be after {}: {} sold instead of {PIECES}, or the ledger or the trace disagrees (see above)",
            steps.total(),
            outcome.sold()
        );
    }
    say!();
    say!("try:");
    say!("  curl -s '{gateway}/store/v1/{organisation}/products?sort=price_from&limit=3'");
    say!(
        "  curl -s '{gateway}/store/v1/{organisation}/orders' -H 'Content-Type: application/json' -H \"Idempotency-Key: $(date +%s%N)\" -H 'Prefer: wait=5' -d '{}'",
        json!({"lines": [{"sku": rush.others.first(), "quantity": 1}]})
    );
    say!("  curl -s '{gateway}/store/v1/{organisation}/orders/{}' -H 'Order-Token: {}'", path.order, path.token);
    say!("next: make status · make logs SERVICE=order · make test · make demo DATA=file.ndjson.gz");
    Ok(())
}
