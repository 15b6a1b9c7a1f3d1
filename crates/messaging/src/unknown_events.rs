//! Events of types that this program does not know: what a newer publisher says before this reader is redeployed.
//! The rule: they are counted and change nothing. The metric stays small whatever types a record claims to have.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use crate::record::Record;

/// Types of one topic that get a label of their own; all further ones share one.
const MOST_LABELS: usize = 20;
/// Longest type that can be a label, in bytes.
const LONGEST_LABEL: usize = 100;
/// The label of types that are malformed, or too many.
const OTHER: &str = "other";

/// The labels that this process has used.
static LABELS: Mutex<Labels> = Mutex::new(Labels(BTreeMap::new()));

/// Counts a record whose type its topic (named without its namespace) does not have in this version of the program. The
/// first of each type is logged as well.
pub(crate) fn count(record: &Record, topic: &'static str, event_type: &str) {
    let (label, is_new) = LABELS.lock().unwrap_or_else(PoisonError::into_inner).of(topic, event_type);
    if is_new {
        tracing::warn!(
            topic,
            partition = record.partition,
            offset = record.offset,
            // Escaped: a header may hold anything.
            event_type = ?event_type,
            "an event of a type that this program does not know is passed over; further ones are only counted"
        );
    }
    metrics::counter!("consumer_unknown_events_total", "topic" => topic, "type" => label).increment(1);
}

/// The labels in use, by topic.
struct Labels(BTreeMap<&'static str, BTreeSet<String>>);

impl Labels {
    /// The label of a type, and whether it is used for the first time.
    fn of(&mut self, topic: &'static str, event_type: &str) -> (String, bool) {
        let labels = self.0.entry(topic).or_default();
        let has_its_own =
            labels.contains(event_type) || labels.len() < MOST_LABELS && is_well_formed(topic, event_type);
        let label = if has_its_own { event_type } else { OTHER };
        (label.to_owned(), labels.insert(label.to_owned()))
    }
}

/// Whether this could be a type of the topic: `<owner>.<aggregate>.` and more, as the contracts write types.
fn is_well_formed(topic: &str, event_type: &str) -> bool {
    let fact = topic
        .rsplit_once('.')
        .and_then(|(aggregate, _version)| event_type.strip_prefix(aggregate))
        .and_then(|rest| rest.strip_prefix('.'));
    event_type.len() <= LONGEST_LABEL
        && fact.is_some_and(|fact| {
            !fact.is_empty()
                && fact.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPIC: &str = "order.order.v1";

    fn label(labels: &mut Labels, event_type: &str) -> String {
        labels.of(TOPIC, event_type).0
    }

    #[test]
    fn a_type_of_the_topic_is_its_own_label_and_new_once() {
        let mut labels = Labels(BTreeMap::new());
        assert_eq!(labels.of(TOPIC, "order.order.shipped.v1"), ("order.order.shipped.v1".to_owned(), true));
        assert_eq!(labels.of(TOPIC, "order.order.shipped.v1"), ("order.order.shipped.v1".to_owned(), false));
        assert!(labels.of(TOPIC, "order.order.partly-shipped.v2").1);
    }

    #[test]
    fn what_no_publisher_of_the_topic_writes_shares_one_label() {
        let mut labels = Labels(BTreeMap::new());
        let endless = format!("order.order.{}", "x".repeat(200));
        let odd = [
            "",
            "other",
            "shipped",
            "order.order",
            "order.order.",
            "order.orders.shipped.v1",
            "catalog.product.state.v1",
            "order.order.Shipped.v1",
            "order.order.ship\0ped.v1",
            "order.order.\"},{\"",
            &endless,
        ];
        for event_type in odd {
            assert_eq!(label(&mut labels, event_type), "other", "{event_type:?}");
        }
        assert_eq!(labels.0[TOPIC].len(), 1);
    }

    #[test]
    fn however_many_types_there_are_the_labels_stay_few() {
        let mut labels = Labels(BTreeMap::new());
        for number in 0..10_000 {
            label(&mut labels, &format!("order.order.invented-{number}.v1"));
        }
        assert_eq!(labels.0[TOPIC].len(), MOST_LABELS + 1, "and the one for all others");
        assert_eq!(
            label(&mut labels, "order.order.invented-3.v1"),
            "order.order.invented-3.v1",
            "once known, for good"
        );
        let (of_another_topic, _) = labels.of("catalog.stock.v1", "catalog.stock.counted.v1");
        assert_eq!(of_another_topic, "catalog.stock.counted.v1", "one topic's types crowd out no other's");
    }
}
