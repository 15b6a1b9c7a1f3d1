//! Signing in, staying signed in and being checked.
//! The rule: each stands beside what it costs at least: the password's hash, the statements, the signature.

use std::time::{Duration, Instant};

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use e2e::{Shop, Store};
use hdrhistogram::Histogram;
use serde_json::Value;
use tokio::task::spawn_blocking;

use crate::http::{Connection, post_without_key};
use crate::load::{Load, dialogues};
use crate::processes::Shares;
use crate::report::Report;
use crate::stack::{HASHES_AT_ONCE, gateway};
use crate::{Failure, api_keys, limits, tokens};

const ACCOUNTS: usize = 8;
const SESSIONS: usize = 16;
const API_KEYS: u32 = 100_000;

/// All together takes less than 15 s, so each measurement has 2 s at most.
pub(crate) async fn measure(store: &mut Store, seconds: Duration, report: &mut Report) -> Result<(), Failure> {
    let time = (seconds / 2).min(Duration::from_secs(2));
    let mut logins = Vec::with_capacity(ACCOUNTS);
    for number in 0..ACCOUNTS {
        logins.push(log_in(store, &Shop::open(store, &format!("login-{number}")).await).await?);
    }
    passwords(store, &logins, time, report).await?;
    refreshes(store, &logins, time, report).await?;
    verifications(time / 4, report).await?;
    keys_in_memory(report).await?;
    report.explain(&[
        &format!(
            "Requests and their limits are measured for {} s each, verifications for {} s.",
            time.as_secs_f64(),
            (time / 4).as_secs_f64()
        ),
        &format!(
            "**Logins.** {ACCOUNTS} clients, each with an account and an organisation of its own and the client token of \
             an earlier login, log in with the right password over and over; the limit is the same Argon2id on {HASHES_AT_ONCE} threads \
             (`PASSWORD_HASHES_AT_ONCE`) that do nothing else and keep their memory."
        ),
        &format!(
            "**Refreshes.** {SESSIONS} clients, each with a session of its own, exchange the refresh token of the \
             answer before; the limit is the two reads and the one write of that without the service."
        ),
        "**Verifications.** `access::Verifier` on one thread of the benchmark, as the gateway and each service use \
         it, with a token that it remembers and with tokens that it never saw; the limit is the signature alone.",
        &format!(
            "**API keys.** What a process grows by that fills the gateway's table with {API_KEYS} keys of one network \
             each, once its allocator, which is the gateway's, has given back what the table outgrew."
        ),
    ]);
    Ok(())
}

/// The login of a client that has logged in before: one that has not may hash fewer passwords at once.
async fn log_in(store: &Store, shop: &Shop) -> Result<Vec<u8>, Failure> {
    let mut credentials = shop.credentials();
    let first = post_without_key("/auth/v1/login", "", &credentials.to_string());
    let mut connection = Connection::open(&gateway(store)).await?;
    let (status, answer) = connection.exchange(&first).await?;
    let answer: Value = serde_json::from_slice(answer)?;
    let client_token = answer["client_token"].as_str();
    let client_token = client_token.ok_or_else(|| format!("logging in gave no client token but {status}"))?;
    credentials["client_token"] = client_token.into();
    Ok(post_without_key("/auth/v1/login", "", &credentials.to_string()))
}

async fn passwords(store: &mut Store, logins: &[Vec<u8>], time: Duration, report: &mut Report) -> Result<(), Failure> {
    let stored = limits::password_hash(store).await?;
    let stored = phc::PasswordHash::new(&stored)?;
    let limit = hashes(Params::try_from(&stored)?, time).await?;
    report.limit(&format!("Argon2id ({}), {HASHES_AT_ONCE} threads", stored.params), &limit);
    let clients = logins.iter().cloned().map(|request| move |_: &[u8]| request.clone());
    let shares = Shares::begin(store);
    let load = dialogues(&gateway(store), clients, time, &[200]).await?;
    let part = load.per_second / limit.per_second.max(1.0);
    let beside = format!("{:.0} % of Argon2id; {}", part * 100.0, shares.end(store));
    report.load(&format!("login, {ACCOUNTS} clients"), &load, "–", &beside);
    report.figure("login.per-second", load.per_second);
    report.figure("login.of-argon2id", part);
    Ok(())
}

/// As many threads as auth uses, each of which hashes one password after the other.
async fn hashes(parameters: Params, time: Duration) -> Result<Load, Failure> {
    let threads: usize = HASHES_AT_ONCE.parse()?;
    let started = Instant::now();
    let end = started + time;
    let mut hashing = tokio::task::JoinSet::new();
    for _ in 0..threads {
        let parameters = parameters.clone();
        hashing.spawn_blocking(move || hash_until(end, parameters));
    }
    let mut all = Histogram::<u64>::new_with_bounds(1, 60_000_000, 3)?;
    while let Some(done) = hashing.join_next().await {
        all.add(done??)?;
    }
    // The last hashes end after the time.
    Ok(Load::of(&all, started.elapsed(), 0))
}

fn hash_until(end: Instant, parameters: Params) -> Result<Histogram<u64>, Failure> {
    let mut histogram = Histogram::<u64>::new_with_bounds(1, 60_000_000, 3)?;
    let mut memory = vec![Block::new(); parameters.block_count()];
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters);
    let mut hash = [0; Params::DEFAULT_OUTPUT_LEN];
    loop {
        let started = Instant::now();
        if started >= end {
            return Ok(histogram);
        }
        argon.hash_password_into_with_memory(b"a long enough passphrase", &[7; 16], &mut hash, &mut memory)?;
        histogram.saturating_record(u64::try_from(started.elapsed().as_micros())?);
    }
}

async fn refreshes(store: &mut Store, logins: &[Vec<u8>], time: Duration, report: &mut Report) -> Result<(), Failure> {
    // The sessions that the logins before left; those that are refreshed are opened afterwards.
    let limit = limits::refresh_session(store, time).await?;
    report.limit("pgbench: the statements of a refresh, 16 clients", &limit);
    let clients = sessions(store, logins).await?.into_iter().map(|mut token| {
        move |answer: &[u8]| {
            token = refresh_token(answer).unwrap_or_else(|| std::mem::take(&mut token));
            let body = serde_json::json!({"refresh_token": token}).to_string();
            post_without_key("/auth/v1/refresh", "", &body)
        }
    });
    let shares = Shares::begin(store);
    let load = dialogues(&gateway(store), clients, time, &[200]).await?;
    let part = load.per_second / limit.per_second.max(1.0);
    let beside = format!("{:.0} % of pgbench; {}", part * 100.0, shares.end(store));
    report.load(&format!("refresh, {SESSIONS} clients"), &load, "–", &beside);
    report.figure("refresh.per-second", load.per_second);
    report.figure("refresh.of-limit", part);
    Ok(())
}

/// The refresh tokens of new sessions.
async fn sessions(store: &Store, logins: &[Vec<u8>]) -> Result<Vec<String>, Failure> {
    let mut connection = Connection::open(&gateway(store)).await?;
    let mut tokens = Vec::with_capacity(SESSIONS);
    for request in logins.iter().cycle().take(SESSIONS) {
        let (status, answer) = connection.exchange(request).await?;
        tokens.push(refresh_token(answer).ok_or_else(|| format!("logging in gave no refresh token but {status}"))?);
    }
    Ok(tokens)
}

fn refresh_token(answer: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    answer["refresh_token"].as_str().map(str::to_owned)
}

async fn verifications(time: Duration, report: &mut Report) -> Result<(), Failure> {
    let rates = spawn_blocking(move || tokens::rates(time)).await??;
    report.line(&format!("| *limit:* Ed25519 of aws-lc-rs, one core | {:.0} | | | | |", rates.bare));
    let part = rates.new / rates.bare;
    report.line(&format!(
        "| token verified, seen for the first time, one core | {:.0} | | | – | {:.0} % of Ed25519 |",
        rates.new,
        part * 100.0
    ));
    report.line(&format!(
        "| token verified, remembered, one core | {:.0} | | | – | {:.0} times Ed25519 |",
        rates.remembered,
        rates.remembered / rates.bare
    ));
    report.figure("token-new.per-second", rates.new);
    report.figure("token-new.of-ed25519", part);
    report.figure("token-remembered.per-second", rates.remembered);
    Ok(())
}

async fn keys_in_memory(report: &mut Report) -> Result<(), Failure> {
    let mebibytes = api_keys::memory(API_KEYS).await?;
    let each = mebibytes * 1024.0 * 1024.0 / f64::from(API_KEYS);
    report.line(&format!("| {API_KEYS} API keys of a gateway | | | | – | {mebibytes:.1} MiB, {each:.0} bytes each |"));
    report.figure("api-keys.mib", mebibytes);
    report.figure("api-keys.bytes-each", each);
    Ok(())
}
