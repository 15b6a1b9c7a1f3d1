//! Dead letters: listing them, showing them, bringing them back.
//! The rule it keeps: without `--yes` nothing changes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use messaging::operations::{self, DeadLetter, Selection};
use serde::Serialize;

use crate::arguments::{Redrive, Show};
use crate::environment::Environment;
use crate::error::Error;
use crate::report::{Report, short, table};

/// How many dead letters a dry run reads at most.
const LOOKED_AT: usize = 100_000;

pub(crate) async fn list(environment: &Environment) -> Result<Report, Error> {
    let topics = operations::dead_letter_topics(&environment.kafka()?).await?;
    let pending: i64 = topics.iter().map(|topic| topic.pending).sum();
    let mut text = table(
        ["TOPIC", "GROUP", "PENDING", "KEPT"],
        topics.iter().map(|topic| {
            [topic.topic.clone(), topic.group.clone(), topic.pending.to_string(), topic.records.to_string()]
        }),
    );
    if let Some(first) = topics.iter().find(|topic| topic.pending > 0) {
        text.push_str(&format!("\nSee why with: cyberctl dlq show {}", first.group));
    } else {
        text.push_str("\nNothing is pending.");
    }
    Ok(Report::new(text, &topics, pending == 0))
}

pub(crate) async fn show(environment: &Environment, request: &Show) -> Result<Report, Error> {
    let selection = Selection { group: request.group.clone(), topic: request.topic.clone() };
    let most = usize::try_from(request.limit).unwrap_or(usize::MAX);
    let letters = operations::dead_letters(&environment.kafka()?, &selection, request.all, most).await?;
    let text = if letters.is_empty() {
        format!("Nothing is pending for {}.", request.group)
    } else if request.full {
        letters.iter().map(in_full).collect::<Vec<_>>().join("\n\n")
    } else {
        table(
            ["OFFSET", "KIND", "EVENT", "KEY", "FROM", "SINCE", "ERROR"],
            letters.iter().map(|letter| {
                [
                    letter.offset.to_string(),
                    letter.kind.clone(),
                    letter.event_type.clone().unwrap_or_else(|| "?".to_owned()),
                    short(letter.key.as_deref().unwrap_or("none"), 40),
                    origin(letter),
                    letter.first_failed_at.clone(),
                    short(&letter.error, 100),
                ]
            }),
        )
    };
    Ok(Report::new(text, &letters, true))
}

/// What a redrive would do, or did.
#[derive(Debug, Default, Serialize)]
struct Outcome {
    group: String,
    /// `would redrive`, `would discard`, `redriven`, `discarded`.
    action: &'static str,
    /// Records that are brought back.
    records: usize,
    /// Keys of those records.
    keys: usize,
    /// Records that are given up.
    discarded: usize,
    /// Records by topic; empty unless this is a dry run.
    topics: BTreeMap<String, usize>,
    /// Whether the group has read what was brought back.
    taken: Option<bool>,
    failed_again: usize,
    /// Snapshots that were left out, because a newer one of their key exists.
    replaced: usize,
}

pub(crate) async fn redrive(environment: &Environment, request: &Redrive) -> Result<Report, Error> {
    let kafka = environment.kafka()?;
    let selection = Selection { group: request.group.clone(), topic: request.topic.clone() };
    let group = request.group.clone();
    if !request.yes {
        let letters = operations::dead_letters(&kafka, &selection, false, LOOKED_AT).await?;
        return Ok(dry_run(&letters, request));
    }
    let patience = Duration::from_secs(request.wait);
    let (action, redriven) = if request.discard {
        ("discarded", operations::discard(&kafka, &selection, patience).await?)
    } else {
        ("redriven", operations::redrive(&kafka, &selection, patience).await?)
    };
    let written = redriven.records + redriven.discarded > 0;
    let well = redriven.failed_again == 0 && (redriven.taken || !written);
    let mut text = String::new();
    if request.discard {
        text.push_str(&format!(
            "Gave up {} records of {group}. They stay readable: cyberctl dlq show {group} --all\n",
            redriven.discarded
        ));
    }
    text.push_str(&format!("Brought back {} records of {} keys for {group}.", redriven.records, redriven.keys));
    if written && !redriven.taken {
        text.push_str(&format!(
            "\n{group} has not read all of that within {} s: is it running? It is on the topics and is read when it is.",
            request.wait
        ));
    }
    if redriven.failed_again > 0 {
        text.push_str(&format!(
            "\n{} failed again and stay dead letters: cyberctl dlq show {group}",
            redriven.failed_again
        ));
    }
    if redriven.replaced > 0 {
        text.push_str(&format!(
            "\n{} snapshots were left out: a newer one of their key is on the topic already.",
            redriven.replaced
        ));
    }
    let outcome = Outcome {
        group,
        action,
        records: redriven.records,
        keys: redriven.keys,
        discarded: redriven.discarded,
        taken: written.then_some(redriven.taken),
        failed_again: redriven.failed_again,
        replaced: redriven.replaced,
        ..Outcome::default()
    };
    Ok(Report::new(text, &outcome, well))
}

fn dry_run(letters: &[DeadLetter], request: &Redrive) -> Report {
    let (discarded, back): (Vec<&DeadLetter>, Vec<&DeadLetter>) =
        letters.iter().partition(|letter| request.discard && !letter.is_parked());
    let mut topics: BTreeMap<String, usize> = BTreeMap::new();
    for letter in letters {
        *topics.entry(letter.topic.clone()).or_default() += 1;
    }
    let keys: BTreeSet<_> = back.iter().map(|letter| (letter.topic.as_str(), letter.key.as_deref())).collect();
    let mut text = if letters.is_empty() {
        format!("Nothing is pending for {}.", request.group)
    } else {
        let given_up =
            if request.discard { format!("give up {} records and ", discarded.len()) } else { String::new() };
        format!(
            "This would {given_up}bring back, in order, {} records of {} keys for {}:\n",
            back.len(),
            keys.len(),
            request.group
        )
    };
    for (topic, records) in &topics {
        text.push_str(&format!("  {topic}: {records}\n"));
    }
    if !letters.is_empty() {
        text.push_str("Nothing was done. Do it with --yes.");
    }
    let outcome = Outcome {
        group: request.group.clone(),
        action: if request.discard { "would discard" } else { "would redrive" },
        records: back.len(),
        keys: keys.len(),
        discarded: discarded.len(),
        topics,
        ..Outcome::default()
    };
    Report::new(text, &outcome, true)
}

fn origin(letter: &DeadLetter) -> String {
    let number = |value: Option<String>| value.unwrap_or_else(|| "?".to_owned());
    format!(
        "{} {}/{}",
        letter.topic,
        number(letter.origin_partition.map(|partition| partition.to_string())),
        number(letter.origin_offset.map(|offset| offset.to_string()))
    )
}

fn in_full(letter: &DeadLetter) -> String {
    let mut text =
        format!("offset {} · {} · from {}\n  {}\n", letter.offset, letter.kind, origin(letter), letter.error);
    for (name, value) in &letter.headers {
        text.push_str(&format!("  {name}: {}\n", short(value, 300)));
    }
    text.push_str(&format!("  key: {}\n", letter.key.as_deref().unwrap_or("none")));
    text.push_str(&format!("  {}", letter.payload.as_deref().unwrap_or("no body: a tombstone")));
    text
}
