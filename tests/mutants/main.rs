//! Whether the checker of the invariants bites: nine faults that message-driven services are known for, each brought to light by what
//! would, and found by its invariant. On servers of its own, since what the faults do to the store stays there.
#![expect(clippy::unwrap_used, reason = "a helper of a test stops the test")]

mod deeds;

use std::collections::BTreeSet;
use std::time::Duration;

use e2e::{Servers, Shop, Store, Wishes, invariants};
use mutants::Mutant;

/// An order that nobody answers ends soon, and what was reserved for it not before a test wants it.
const WISHES: Wishes =
    Wishes { servers: Servers::Own, replicas: 1, variables: &[("ORDER_DEADLINE_SECONDS", "8"), ("LOG_LEVEL", "warn")] };

/// How long a fault has to show, or not.
const PATIENCE: Duration = Duration::from_secs(40);

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
async fn each_of_nine_faults_is_found_by_its_invariant_and_by_nothing_without_it() {
    let mut store = Store::open(&WISHES).await;
    let mut wrong = Vec::new();
    for mutant in Mutant::ALL {
        let (service, invariants) = expected(*mutant);
        for (is_on, value) in [(false, String::new()), (true, mutant.to_string())] {
            let started = std::time::Instant::now();
            store.mend().await;
            let shop = Shop::open(&store, if is_on { "sick" } else { "sound" }).await;
            // What the mutants before have left behind stays.
            let before = kinds(&store).await;
            store.replica(service, 1).set_variable(mutants::VARIABLE, &value);
            store.start(service, 1).await;
            deeds::of(*mutant, &mut store, &shop).await;
            let found = found(&store, &before, invariants, is_on).await;
            println!("{mutant}, {is_on}: {} violations in {:.1?}", found.len(), started.elapsed());
            if found.is_empty() == is_on {
                wrong.push(format!("{mutant}, {}: {found:#?}", if is_on { "switched on" } else { "not there" }));
            }
            store.replica(service, 1).set_variable(mutants::VARIABLE, "");
            store.start(service, 1).await;
        }
    }
    assert!(
        wrong.is_empty(),
        "were the programs built with the faults (cargo test --workspace --no-run)?\n{}",
        wrong.join("\n")
    );
}

/// Everything that is not as it must be.
async fn kinds(store: &Store) -> BTreeSet<String> {
    invariants::violations(store, &[]).await.into_iter().collect()
}

/// The new violations of these invariants, waited for until there are some, or until there are none and the store is at rest.
async fn found(store: &Store, before: &BTreeSet<String>, invariants: &[&str], wanted: bool) -> Vec<String> {
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let is_meant = |violation: &String| invariants.iter().any(|name| violation.starts_with(name));
        let new: Vec<String> = kinds(store).await.difference(before).filter(|it| is_meant(it)).cloned().collect();
        if new.is_empty() != wanted || tokio::time::Instant::now() >= until {
            return new;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}
