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

/// The service that has the fault, and the invariants of which one at least must be broken.
fn expected(mutant: Mutant) -> (&'static str, &'static [&'static str]) {
    match mutant {
        Mutant::NaiveCursor => ("order", &["I6 ", "I7 "]),
        Mutant::OffsetBeforeCommit => ("catalog", &["I5 "]),
        Mutant::InboxOff => ("catalog", &["I4 "]),
        Mutant::UnconditionalReserve => ("catalog", &["I1 ", "I8 "]),
        Mutant::KeyElsewhere => ("order", &["I3 "]),
        Mutant::UnguardedRelease => ("catalog", &["I1 ", "I5 ", "I8 "]),
        Mutant::LetterAfterCommit => ("catalog", &["I8 no dead letter"]),
        Mutant::NoAcknowledgement => ("order", &["I6 "]),
        Mutant::TimerInMemory => ("order", &["I2 "]),
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
    // The record that nobody can read stays a dead letter, and its key waits.
    let all: Vec<&str> = Mutant::ALL.iter().flat_map(|mutant| expected(*mutant).1).copied().collect();
    let all: Vec<&str> = all.into_iter().filter(|name| *name != "I8 ").collect();
    let found = found(&store, &BTreeSet::new(), &all, false).await;
    if !found.is_empty() {
        wrong.push(format!("without a fault: {found:#?}"));
    }
    for mutant in Mutant::ALL {
        let (service, invariants) = expected(*mutant);
        let started = Instant::now();
        // What the mutants before have left behind stays.
        let (shop, before) = (Shop::open(&store, "sick").await, violations(&store).await);
        restart(&mut store, service, &mutant.to_string()).await;
        deeds::of(*mutant, &mut store, &shop).await;
        let new = self::found(&store, &before, invariants, true).await;
        println!("{mutant}: {} violations after {:.1?}", new.len(), started.elapsed());
        if new.is_empty() {
            wrong.push(format!("{mutant} was not found"));
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

/// The new violations of these invariants: waited for until there are some that stay, or until there are none.
async fn found(store: &Store, before: &BTreeSet<String>, invariants: &[&str], wanted: bool) -> BTreeSet<String> {
    let until = Instant::now() + PATIENCE;
    let new = async || -> BTreeSet<String> {
        let is_meant = |violation: &&String| invariants.iter().any(|name| violation.starts_with(name));
        violations(store).await.difference(before).filter(is_meant).cloned().collect()
    };
    loop {
        let mut found = new().await;
        if wanted && !found.is_empty() {
            // What is only on its way is gone by then.
            tokio::time::sleep(STAYS).await;
            found = found.intersection(&new().await).cloned().collect();
        }
        if found.is_empty() != wanted || Instant::now() >= until {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}
