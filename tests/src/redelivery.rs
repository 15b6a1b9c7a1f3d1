//! Everything that was ever said, said again: what at-least-once delivery may do at its worst.
//! The rule it keeps: records go back as they are, ids included; only their order changes, and never that of the facts
//! of one key, which one partition would have kept.

use std::collections::BTreeMap;

use contracts::{Retention, header, topics};
use messaging::{Outgoing, Producer, Record};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::{Store, must};

/// Sends every record of every topic back to it, `times` times, each time in another order: facts shuffled across keys,
/// snapshots within a key too. The order depends on `seed` alone. How often each type of event was sent.
pub async fn redeliver(store: &Store, times: usize, seed: u64) -> BTreeMap<String, usize> {
    let mut random = StdRng::seed_from_u64(seed);
    let producer = must(Producer::new(&store.kafka()), "make a producer");
    let mut sent = BTreeMap::new();
    let mut said = Vec::new();
    for topic in topics::ALL {
        said.push((topic.retention, testkit::read_topic(&store.kafka(), topic.name).await));
    }
    for _ in 0..times {
        for (retention, records) in &said {
            let mut records: Vec<Outgoing> = records.iter().map(again).collect();
            match retention {
                Retention::State => records.shuffle(&mut random),
                Retention::Events | Retention::Deliveries => records = mingled(records, &mut random),
            }
            send(&producer, &records, &mut sent).await;
        }
    }
    // The last record of a compacted topic's key is what remains of it: leave the newest there.
    for (_, records) in said.iter().filter(|(retention, _)| *retention == Retention::State) {
        let records: Vec<Outgoing> = records.iter().map(again).collect();
        send(&producer, &records, &mut sent).await;
    }
    sent
}

async fn send(producer: &Producer, records: &[Outgoing], sent: &mut BTreeMap<String, usize>) {
    for (record, outcome) in records.iter().zip(producer.send_all(records).await) {
        must(outcome, "send a record again");
        let named = record.headers.iter().find(|(name, _)| name == header::TYPE);
        let named = named.map_or_else(String::new, |(_, value)| String::from_utf8_lossy(value).into_owned());
        *sent.entry(named).or_default() += 1;
    }
}

fn again(record: &Record) -> Outgoing {
    Outgoing {
        topic: record.topic.clone(),
        key: record.key.clone(),
        payload: record.payload.clone(),
        headers: record.headers.clone(),
    }
}

/// The records in an order in which those of one key follow each other as before, and nothing else does.
fn mingled(records: Vec<Outgoing>, random: &mut StdRng) -> Vec<Outgoing> {
    let mut of_key: BTreeMap<Option<Vec<u8>>, Vec<Outgoing>> = BTreeMap::new();
    for record in records {
        of_key.entry(record.key.clone()).or_default().push(record);
    }
    let mut queues: Vec<_> = of_key.into_values().map(Vec::into_iter).collect();
    let mut mingled = Vec::new();
    while !queues.is_empty() {
        let at = random.random_range(0..queues.len());
        match queues[at].next() {
            Some(record) => mingled.push(record),
            None => drop(queues.swap_remove(at)),
        }
    }
    mingled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mingling_moves_keys_and_keeps_each_key_s_own_order() {
        let record = |key: u8, at: u8| Outgoing {
            topic: String::new(),
            key: Some(vec![key]),
            payload: Some(vec![at]),
            headers: Vec::new(),
        };
        let before: Vec<Outgoing> = (0..9).flat_map(|key| (0..9).map(move |at| record(key, at))).collect();
        let after = mingled(before.clone(), &mut StdRng::seed_from_u64(7));
        let order =
            |records: &[Outgoing]| records.iter().map(|it| (it.key.clone(), it.payload.clone())).collect::<Vec<_>>();
        assert_ne!(order(&before), order(&after));
        for key in 0..9 {
            let of = |records: &[Outgoing]| {
                records.iter().filter(|it| it.key == Some(vec![key])).map(|it| it.payload.clone()).collect::<Vec<_>>()
            };
            assert_eq!(of(&before), of(&after));
        }
    }
}
