//! The dead letters of one batch on their way to the broker.
//! The rule: one per record, however often its batch is tried. An attempt waits for the broker for a bounded time, since a
//! topic without a leader may have none for hours; the next attempt waits for the same letter and writes no other.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mediator::Class;

use crate::dead_letter::{Cause, dead_letter};
use crate::producer::{Delivery, Producer, SendFailure, arrival};
use crate::record::{Place, Record};
use crate::subscription::Failure;

/// How long one attempt waits for the broker to take one letter.
const PATIENCE: Duration = Duration::from_secs(5);

/// The letters of one batch, by the places of their records.
#[derive(Default)]
pub(crate) struct Letters {
    written: BTreeSet<Place>,
    on_the_way: BTreeMap<Place, Delivery>,
}

impl Letters {
    /// Whether the broker has the letter of this record.
    pub(crate) fn has(&self, place: &Place) -> bool {
        self.written.contains(place)
    }

    /// Writes the letter of a record unless that was done.
    ///
    /// # Errors
    /// A failure that can pass, when the broker has not taken it in time.
    pub(crate) async fn write(
        &mut self,
        producer: &Producer,
        record: &Record,
        group: &str,
        cause: Cause,
        error: &str,
    ) -> Result<(), Failure> {
        let place = record.place();
        if self.has(&place) {
            return Ok(());
        }
        let letter = dead_letter(record, group, cause, error);
        let topic = letter.topic.clone();
        let failed = |reason: String| Failure {
            class: Class::Transient,
            message: format!("a dead letter could not be written to {topic}: {reason}"),
        };
        let sending = async {
            if !self.on_the_way.contains_key(&place) {
                self.on_the_way.insert(place.clone(), producer.enqueue(&letter).await?);
            }
            match self.on_the_way.get_mut(&place) {
                Some(delivery) => arrival(delivery).await,
                None => Ok(()),
            }
        };
        let sent: Result<(), SendFailure> = match tokio::time::timeout(PATIENCE, sending).await {
            Ok(sent) => sent,
            Err(_elapsed) => {
                return Err(failed(format!("the broker has not taken it within {} seconds", PATIENCE.as_secs())));
            }
        };
        self.on_the_way.remove(&place);
        sent.map_err(|error| failed(error.to_string()))?;
        self.written.insert(place);
        metrics::counter!("dead_letters_total", "kind" => cause.as_str()).increment(1);
        Ok(())
    }
}
