//! Another verifier than ours, PyJWT, with nothing but the key set that the store shows to everybody.
//! The rule: it accepts what auth signs, and refuses the same forgeries as every service of the store does.

use std::path::Path;

use e2e::together;
use serde_json::json;
use testkit::must;
use uuid::Uuid;

use super::stranger::Seen;
use super::{fetched, forgeries, run, signed_forgeries, skipped};
use crate::WISHES;

const VERIFY: &str = include_str!("verify.py");
const REQUIREMENTS: &str = include_str!("verifier.txt");

#[tokio::test(flavor = "multi_thread")]
async fn a_verifier_of_other_people_accepts_the_genuine_token_and_refuses_every_forged_one() {
    let install = ["-m", "pip", "install", "--quiet", "--target", ".", "--requirement", "verifier.txt"];
    let packages = match fetched(("verifier.txt", REQUIREMENTS), "python3", &install).await {
        Ok(packages) => packages,
        Err(cause) => return skipped("PyJWT", &cause),
    };
    let store = together(&WISHES).await;
    let seen = Seen::at(&store).await;
    let mut forged = forgeries::all(&seen);
    forged.extend(signed_forgeries::all(&seen, "https://stranger.example"));
    let lines: Vec<String> = forged.iter().map(|it| json!({"name": it.name, "token": it.token}).to_string()).collect();
    let folder = packages.join(format!("run-{}", Uuid::new_v4().simple()));
    must(std::fs::create_dir_all(&folder), "make a folder for a verifier");
    must(std::fs::write(folder.join("verify.py"), VERIFY), "write the verifier");
    must(std::fs::write(folder.join("forged.jsonl"), lines.join("\n")), "write the forged tokens");
    let genuine = json!([seen.token, seen.other]).to_string();
    let gateway = &store.gateways()[0];
    let path = packages.to_string_lossy();
    verify(&folder, &[("PYTHONPATH", &path), ("GATEWAY", gateway), ("GENUINE", &genuine)]).await;
    let _gone = std::fs::remove_dir_all(folder);
}

/// Runs the verifier with the forged tokens on its standard input.
async fn verify(folder: &Path, environment: &[(&str, &str)]) {
    let tokens = [("ISSUER", "cyber-store-auth"), ("AUDIENCE", "cyber-store")];
    let environment = [environment, &tokens].concat();
    let outcome = run(folder, "sh", &["-c", "exec python3 -W error verify.py <forged.jsonl"], &environment).await;
    must(outcome, "verify with PyJWT");
}
