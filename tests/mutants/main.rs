//! Whether the checker of the invariants bites: nine faults that message-driven services are known for, each brought to light by what
//! would, and found by its invariant. On servers of its own, since what the faults do to the store stays there.
#![expect(clippy::unwrap_used, reason = "a helper of a test stops the test")]

mod deeds;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use e2e::{Servers, Shop, Store, Wishes, invariants};
use mutants::Mutant;

/// An order that nobody answers ends soon, and what was reserved for it not before a test wants it.
const WISHES: Wishes =
    Wishes { servers: Servers::Own, replicas: 1, variables: &[("ORDER_DEADLINE_SECONDS", "8"), ("LOG_LEVEL", "warn")] };

/// How long a fault has to show, or not.
const PATIENCE: Duration = Duration::from_secs(40);

/// How long a violation stays that is one.
const STAYS: Duration = Duration::from_secs(3);

/// The service that has the fault, and the invariant that it breaks. Others may be broken by it as well; this one must be.
fn expected(mutant: Mutant) -> (&'static str, &'static str) {
    match mutant {
        Mutant::NaiveCursor => ("order", "I7 "),
        Mutant::OffsetBeforeCommit => ("catalog", "I5 "),
        Mutant::InboxOff => ("catalog", "I4 "),
        Mutant::UnconditionalReserve | Mutant::UnguardedRelease => ("catalog", "I1 "),
        Mutant::KeyElsewhere => ("order", "I3 "),
        Mutant::LetterAfterCommit => ("catalog", "I8 no dead letter"),
        Mutant::NoAcknowledgement => ("order", "I6 "),
        Mutant::TimerInMemory => ("order", "I2 "),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_nine_faults_is_found_by_its_invariant_and_by_none_without_it() {
    let mut store = Store::open(&WISHES).await;
    let mut wrong = Vec::new();
    for mutant in Mutant::ALL {
        let shop = Shop::open(&store, "sound").await;
        deeds::of(*mutant, &mut store, &shop).await;
        store.mend().await;
    }
    let found = without_a_fault(&store).await;
    if !found.is_empty() {
        wrong.push(format!("without a fault: {found:#?}"));
    }
    for mutant in Mutant::ALL {
        let (service, invariant) = expected(*mutant);
        let started = Instant::now();
        // What the mutants before have left behind stays.
        let (shop, before) = (Shop::open(&store, "sick").await, violations(&store).await);
        restart(&mut store, service, &mutant.to_string()).await;
        deeds::of(*mutant, &mut store, &shop).await;
        let new = new_violations(&store, &before, invariant).await;
        let names: BTreeSet<&str> = new.iter().filter_map(|violation| violation.split(' ').next()).collect();
        let caught = new.iter().find(|violation| violation.starts_with(invariant));
        println!("{mutant}: caught by {names:?} after {:.1?}: {caught:?}", started.elapsed());
        if caught.is_none() {
            wrong.push(format!("{mutant} was not found by {invariant}, but by {names:?}"));
        }
        restart(&mut store, service, "").await;
        store.mend().await;
    }
    let programs = "were the programs built with the faults (cargo test --workspace --no-run)?";
    assert!(wrong.is_empty(), "{programs}\n{}", wrong.join("\n"));
}

/// Gives a service this fault. It leaves its group in good order, so that nobody waits for it.
async fn restart(store: &mut Store, service: &str, mutant: &str) {
    let replica = store.replica(service, 1);
    replica.set_variable(mutants::VARIABLE, mutant);
    replica.stop().await;
    store.start(service, 1).await;
}

/// Everything that is not as it must be.
async fn violations(store: &Store) -> BTreeSet<String> {
    let unclaimed = invariants::unclaimed(store).await;
    let all = invariants::violations(store, &[]).await.into_iter().chain(unclaimed);
    // One of the deeds writes a record that nobody can read.
    all.filter(|violation| !violation.starts_with("I6 an order's event cannot be read")).collect()
}

/// What violates the invariants without a fault; waited for until there is nothing. The record that nobody can read stays a dead letter,
/// and its key waits.
async fn without_a_fault(store: &Store) -> BTreeSet<String> {
    let until = Instant::now() + PATIENCE;
    loop {
        let mut found = violations(store).await;
        found.retain(|violation| !violation.starts_with("I8 ") || violation.starts_with("I8 no dead letter"));
        if found.is_empty() || Instant::now() >= until {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// The new violations that stay; waited for until one of this invariant is among them.
async fn new_violations(store: &Store, before: &BTreeSet<String>, invariant: &str) -> BTreeSet<String> {
    let until = Instant::now() + PATIENCE;
    loop {
        let mut found: BTreeSet<String> = violations(store).await.difference(before).cloned().collect();
        let is_caught = |found: &BTreeSet<String>| found.iter().any(|violation| violation.starts_with(invariant));
        if is_caught(&found) {
            // What is only on its way is gone by then.
            tokio::time::sleep(STAYS).await;
            found = found.intersection(&violations(store).await).cloned().collect();
        }
        if is_caught(&found) || Instant::now() >= until {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}
