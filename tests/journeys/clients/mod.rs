//! Clients that other people's generators make of the gateway's document: made, compiled and run against the store.
//! The rule: where a generator cannot be had (no network, no Node.js, no Java), the test says so and proves nothing.

pub(crate) mod forgeries;
mod second_verifier;
pub(crate) mod signed_forgeries;
pub(crate) mod stranger;

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use e2e::{Shop, Store, together};
use testkit::must;
use tokio::process::Command;
use uuid::Uuid;

use crate::WISHES;

const FLOW_TS: &str = include_str!("flow.ts");
const FLOW_PY: &str = include_str!("flow.py");
const PACKAGE_JSON: &str = include_str!("package.json");
const REQUIREMENTS: &str = include_str!("requirements.txt");

/// Neither the tests nor the pages that openapi-generator writes beside a client.
const CODE_ONLY: &str = "apiTests=false,modelTests=false,apiDocs=false,modelDocs=false";

/// As long as one program may take, downloads included.
const LONGEST: Duration = Duration::from_secs(90);

/// Runs a program in a folder to its end; what it wrote when it failed.
async fn run(
    folder: &Path,
    program: impl AsRef<Path>,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> Result<(), String> {
    let mut command = Command::new(program.as_ref());
    command.args(arguments).current_dir(folder).envs(environment.iter().copied());
    command.stdin(Stdio::null()).kill_on_drop(true);
    let place = format!("{} {}", program.as_ref().display(), arguments.join(" "));
    let ended = tokio::time::timeout(LONGEST, command.output()).await;
    let output = ended.map_err(|_elapsed| format!("{place}: took longer than {LONGEST:?}"))?;
    let output = output.map_err(|error| format!("{place}: {error}"))?;
    let written = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{place}: {}\n{}\n{}", output.status, written(&output.stdout), written(&output.stderr)))
}

/// Tells past the test runner, which keeps to itself what a passing test prints.
fn skipped(generator: &str, cause: &str) {
    let _unheard = writeln!(std::io::stderr(), "skipped: {generator} cannot be had here: {cause}");
}

/// The folder with what `manifest` names, fetched once for all runs of this build folder.
async fn fetched(manifest: (&str, &str), program: &str, arguments: &[&str]) -> Result<PathBuf, String> {
    let (name, text) = manifest;
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let clients = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients");
    let folder = clients.join(format!("{name}-{:016x}", hasher.finish()));
    if !folder.exists() {
        // Whole or not at all: it gets its name when everything is there.
        let partial = clients.join(format!("partial-{}", Uuid::new_v4().simple()));
        must(std::fs::create_dir_all(&partial), "make a folder for a generator");
        must(std::fs::write(partial.join(name), text), "write what a generator needs");
        let outcome = run(&partial, program, arguments, &[]).await;
        if outcome.is_err() || std::fs::rename(&partial, &folder).is_err() {
            // Another run may have been faster.
            let _gone = std::fs::remove_dir_all(&partial);
        }
        outcome?;
    }
    Ok(folder)
}

/// A folder in `fetched` for one run, with the gateway's document and the program that uses the client.
async fn workshop(fetched: &Path, shop: &Shop, flow: (&str, &str)) -> PathBuf {
    let folder = fetched.join(format!("run-{}", Uuid::new_v4().simple()));
    must(std::fs::create_dir_all(&folder), "make a folder for a client");
    let (status, document) = shop.shopper.get("/openapi.json").await;
    assert_eq!(status, 200, "{document}");
    must(std::fs::write(folder.join("openapi.json"), document.to_string()), "write the document");
    must(std::fs::write(folder.join(flow.0), flow.1), "write the program");
    folder
}

/// A shop with one product.
async fn shop_with_a_product(store: &Store, name: &str) -> Shop {
    let shop = Shop::open(store, name).await;
    shop.sell(store, &[("GENERATED", 100, 5)]).await;
    shop
}

/// Runs the program that uses the client.
async fn flows(folder: &Path, shop: &Shop, program: &str, arguments: &[&str], environment: &[(&str, &str)]) {
    let credentials = shop.credentials().to_string();
    let gateway = shop.shopper.base();
    let own = [("GATEWAY", gateway), ("CREDENTIALS", credentials.as_str()), ("SKU", "GENERATED")];
    let environment: Vec<(&str, &str)> = environment.iter().copied().chain(own).collect();
    must(run(folder, program, arguments, &environment).await, "run what uses the client");
    let _gone = std::fs::remove_dir_all(folder);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_openapi_typescript_logs_in_lists_orders_and_reads_a_refusal() {
    let install = ["install", "--no-audit", "--no-fund", "--loglevel=error"];
    let packages = match fetched(("package.json", PACKAGE_JSON), "npm", &install).await {
        Ok(packages) => packages,
        Err(cause) => return skipped("openapi-typescript", &cause),
    };
    let store = together(&WISHES).await;
    let shop = shop_with_a_product(&store, "typescript").await;
    let folder = workshop(&packages, &shop, ("flow.ts", FLOW_TS)).await;
    let tool = |name: &str| packages.join("node_modules/.bin").join(name);
    // A file of declarations (`.d.ts`) would be left out of the check together with those of Node.js, which are slow.
    let generate = run(&folder, tool("openapi-typescript"), &["openapi.json", "--output", "schema.ts"], &[]);
    must(generate.await, "generate the client");
    let strict = ["--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2022", "flow.ts"];
    must(run(&folder, tool("tsc"), &strict, &[]).await, "compile what uses the client");
    flows(&folder, &shop, "node", &["flow.js"], &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_openapi_generator_for_python_logs_in_lists_orders_and_reads_a_refusal() {
    let install = ["-m", "pip", "install", "--quiet", "--target", ".", "--requirement", "requirements.txt"];
    let packages = match fetched(("requirements.txt", REQUIREMENTS), "python3", &install).await {
        Ok(packages) => packages,
        Err(cause) => return skipped("openapi-generator", &cause),
    };
    if let Err(cause) = run(&packages, "java", &["-version"], &[]).await {
        return skipped("openapi-generator", &cause);
    }
    let store = together(&WISHES).await;
    let shop = shop_with_a_product(&store, "python").await;
    let folder = workshop(&packages, &shop, ("flow.py", FLOW_PY)).await;
    let program = packages.join("openapi_generator_cli/openapi-generator.jar").to_string_lossy().into_owned();
    let quick = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-jar", &program];
    let generate = ["generate", "-i", "openapi.json", "-g", "python", "-o", ".", "--global-property", CODE_ONLY];
    must(run(&folder, "java", &[&quick[..], &generate].concat(), &[]).await, "generate the client");
    let path = format!("{}:{}", folder.display(), packages.display());
    flows(&folder, &shop, "python3", &["-W", "error", "flow.py"], &[("PYTHONPATH", &path)]).await;
}
