//! What becomes of a batch: one transaction, or dead letters for what can never be taken.
//! The rule: nothing of a batch is left undone. A record has its effects, or is a dead letter whose
//! key waits, or is of a type that this program does not know and is only counted, or came back for
//! another group and says nothing to this one, or the whole batch is taken again; nobody talks to the
//! broker inside a transaction.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use contracts::{Envelope, Undecodable};
use futures::FutureExt;
use kernel::EventId;
use mediator::{Class, Mediator, Scope, Tenants, Tx};
use mutants::Mutant;
use persistence::{Parked, Provenance};
use uuid::Uuid;

use crate::dead_letter::{Cause, header};
use crate::letters::Letters;
use crate::parking::{FreeKey, ParkKey};
use crate::producer::Producer;
use crate::record::{Place, Record};
use crate::settings::Settings;
use crate::subscription::{Apply, Entry, Failure, Readable};
use crate::unknown_events;

/// Who parks and frees keys, in spans and logs.
const PART: &str = "consumer";

/// Turns the records of one topic into effects.
pub(crate) struct Taker {
    settings: Settings,
    mediator: Mediator,
    producer: Producer,
    entry: Entry,
}

/// What earlier attempts have settled, so that an attempt that fails later on does not repeat it.
#[derive(Default)]
pub(crate) struct Progress {
    letters: Letters,
    /// Records whose dead letter is with the broker and whose key waits as well, records that freed a key or were passed over: nothing is left to be done.
    settled: BTreeSet<Place>,
}

/// What becomes of one record.
enum Verdict {
    Take(Box<Readable>),
    SetAside(String),
    /// Its topic has no such type in this version of the program.
    Unknown {
        topic: &'static str,
        event_type: String,
    },
    /// It was redriven for another group, and is a fact or cannot be read here either.
    Pass,
}

/// Records of a batch by what becomes of them, each list in offset order.
#[derive(Default)]
struct Sorted<'r> {
    ahead: Vec<Readable>,
    unreadable: Vec<(&'r Record, String)>,
    /// Records that come after an unreadable one of their key.
    behind: Vec<Readable>,
    /// Keys of the unreadable ones.
    dead: BTreeSet<Option<&'r [u8]>>,
}

/// A record that waits behind a dead letter, and its key.
type Behind<'r> = (&'r Readable, String);

/// What one transaction did, or would have to leave behind.
#[derive(Default)]
struct Attempted<'r> {
    /// Records that had effects, or that only observers wait for.
    effective: Vec<&'r Readable>,
    behind: Vec<Behind<'r>>,
}

impl Taker {
    pub(crate) fn new(settings: Settings, mediator: Mediator, producer: Producer, entry: Entry) -> Self {
        Self { settings, mediator, producer, entry }
    }

    /// One attempt at a batch.
    pub(crate) async fn take(&self, batch: &[Record], progress: &mut Progress) -> Result<(), Failure> {
        // Before anything else: nothing of such a key comes back, so records before this one need not be parked.
        for record in batch.iter().filter(|record| self.frees_its_key(record)) {
            self.free(record, progress).await?;
        }
        let mut sorted = Sorted::default();
        for record in batch {
            if progress.settled.contains(&record.place()) {
                continue;
            }
            let key = record.key.as_deref();
            match self.read(record) {
                Verdict::Take(one) if sorted.dead.contains(&key) => sorted.behind.push(*one),
                Verdict::Take(one) => sorted.ahead.push(*one),
                Verdict::SetAside(error) => {
                    sorted.dead.insert(key);
                    sorted.unreadable.push((record, error));
                }
                Verdict::Unknown { topic, event_type } => {
                    // The last record of a redrive frees its key whatever it says, but only after what came before it.
                    if is_last_redriven(record) && self.entry.holds_facts() {
                        self.take_sorted(std::mem::take(&mut sorted), progress).await?;
                        self.free(record, progress).await?;
                    }
                    unknown_events::count(record, topic, &event_type);
                    progress.settled.insert(record.place());
                }
                Verdict::Pass => {}
            }
        }
        self.take_sorted(sorted, progress).await
    }

    /// In this order, so that no record waits behind a dead letter that came after it.
    async fn take_sorted(&self, sorted: Sorted<'_>, progress: &mut Progress) -> Result<(), Failure> {
        self.take_readable(&sorted.ahead, progress).await?;
        for (record, error) in sorted.unreadable {
            self.set_aside(record, Cause::Unreadable, &error, progress).await?;
        }
        self.take_readable(&sorted.behind, progress).await
    }

    /// Together, and one by one when a record cannot be taken.
    async fn take_readable(&self, readable: &[Readable], progress: &mut Progress) -> Result<(), Failure> {
        if readable.is_empty() {
            return Ok(());
        }
        let all: Vec<&Readable> = readable.iter().collect();
        match self.together(&all, progress).await {
            Err(failure) if failure.class != Class::Transient => {}
            result => return result,
        }
        for one in readable {
            match self.together(&[one], progress).await {
                Ok(()) => {}
                Err(failure) if failure.class == Class::Transient => return Err(failure),
                Err(_) if self.is_for_another_group(&one.record) => {}
                Err(failure) => {
                    self.set_aside(&one.record, Cause::Permanent, &failure.message, progress).await?;
                }
            }
        }
        Ok(())
    }

    /// One transaction. Records behind a dead letter join it before the effects of the others are visible: a crash in
    /// between sets them aside twice, never lets one overtake.
    async fn together(&self, records: &[&Readable], progress: &mut Progress) -> Result<(), Failure> {
        loop {
            let behind = self.transact(records, progress).await?;
            if behind.is_empty() {
                return Ok(());
            }
            for (readable, key) in behind {
                let error = format!("an earlier record of the key {key} is a dead letter");
                self.write(&readable.record, Cause::Parked, &error, progress).await?;
            }
        }
    }

    fn read(&self, record: &Record) -> Verdict {
        // Of a snapshot that was redriven, compaction keeps the copy: it is everybody's, but a dead letter only of the group
        // that it came back for. Each other group had the record itself, and has its own dead letter of that.
        let foreign = self.is_for_another_group(record);
        if foreign && self.entry.holds_facts() {
            return Verdict::Pass;
        }
        let unreadable = |error| if foreign { Verdict::Pass } else { Verdict::SetAside(error) };
        let envelope = match Envelope::from_headers(record.header_pairs()) {
            Ok(envelope) => envelope,
            Err(error) => return unreadable(error.to_string()),
        };
        if record.key_text() != envelope.subject.to_string() {
            return unreadable("the record's key is not its ce_subject".to_owned());
        }
        // A record that makes its reader panic would do so after every restart.
        let decoded = match catch_unwind(AssertUnwindSafe(|| {
            (self.entry.subscription.decode)(&envelope.event_type, record)
        })) {
            Ok(Ok(decoded)) => decoded,
            Ok(Err(Undecodable::UnknownType { topic, event_type })) => return Verdict::Unknown { topic, event_type },
            Ok(Err(error)) => return unreadable(error.to_string()),
            Err(panic) => return unreadable(Failure::of_panic(&*panic).message),
        };
        let Some(organisation) = envelope.organisation else {
            return unreadable("the record names no organisation".to_owned());
        };
        let span = tracing::info_span!("consume", otel.name = %format!("consume {}", envelope.event_type),
            otel.kind = "consumer", organisation = %organisation, event = %envelope.id);
        if let Some(traceparent) = &envelope.traceparent {
            mediator::continue_from(&span, traceparent);
        }
        let provenance = Provenance {
            actor: format!("system:{}", self.settings.service),
            correlation: envelope.correlation,
            causation: Some(envelope.id.uuid()),
            // Without tracing here the publisher's goes on, unless it is malformed.
            traceparent: mediator::traceparent_of(&span)
                .or_else(|| envelope.traceparent.clone().filter(|text| mediator::remote_span(text).is_some())),
        };
        Verdict::Take(Box::new(Readable { record: record.clone(), decoded, envelope, organisation, provenance, span }))
    }

    /// Whether a record was redriven, and for another group.
    fn is_for_another_group(&self, record: &Record) -> bool {
        record.header(header::REDRIVE).is_some_and(|group| group != self.settings.service)
    }

    /// Everything in one transaction, of all organisations together. Where records have to become dead letters first,
    /// nothing is committed and they are returned. Observers hear of the rest after the commit.
    async fn transact<'r>(&self, records: &[&'r Readable], progress: &Progress) -> Result<Vec<Behind<'r>>, Failure> {
        let Some(first) = records.first() else { return Ok(Vec::new()) };
        let fail = |error: persistence::Error| Failure::of(&error);
        let mut attempted = Attempted::default();
        if let Some(apply) = &self.entry.subscription.apply {
            let tenancy = Tenants::new(records.iter().map(|readable| readable.organisation));
            let begun = self.mediator.database().begin(tenancy, first.provenance.clone()).await;
            let mut transaction = begun.map_err(fail)?;
            let mut tx = transaction.tx();
            let applied = self.apply(apply, &mut tx, records, progress, &mut attempted);
            // A command that panics would do so after every restart: it is a failure like any other.
            match AssertUnwindSafe(applied).catch_unwind().await {
                Ok(Ok(())) if attempted.behind.is_empty() => transaction.commit().await.map_err(fail)?,
                Ok(result) => {
                    let _ = transaction.rollback().await;
                    return result.map(|()| attempted.behind);
                }
                // Cut off in the middle of something, the connection does not return to the pool.
                Err(panic) => return Err(Failure::of_panic(&*panic)),
            }
        } else {
            attempted.effective.extend(records);
        }
        self.entry.tell(&attempted.effective);
        metrics::counter!("consumer_records_total").increment(records.len() as u64);
        Ok(Vec::new())
    }

    /// The records inside the transaction of the batch.
    async fn apply<'r>(
        &self,
        apply: &Apply,
        tx: &mut Tx<'_, Tenants>,
        records: &[&'r Readable],
        progress: &Progress,
        attempted: &mut Attempted<'r>,
    ) -> Result<(), Failure> {
        let service = self.settings.service.as_str();
        let topic = self.entry.topic().name;
        let fail = |error: persistence::Error| Failure::of(&error);
        if !self.entry.holds_facts() {
            apply(tx, records).await?;
            attempted.effective.extend(records);
            return Ok(());
        }
        let mut keys: Vec<String> = records.iter().map(|readable| readable.record.key_text()).collect();
        keys.sort_unstable();
        keys.dedup();
        let mut parked = persistence::parked_among(tx, service, topic, &keys).await.map_err(fail)?;
        let mut through: Vec<&'r Readable> = Vec::with_capacity(records.len());
        for readable in records {
            let record = &readable.record;
            let key = record.key_text();
            if let Some(reach) = parked.get(&key) {
                if progress.letters.has(&record.place()) {
                    let reach = Parked { last_offset: record.offset, failed_again_offset: -1 };
                    persistence::park_key(tx, service, topic, &key, "", reach).await.map_err(fail)?;
                    continue;
                }
                // A redriven record that failed again holds those that were redriven with it: what came back until
                // then lies before it.
                if !is_redriven(record) || reach.failed_again_offset > until(record) {
                    attempted.behind.push((readable, key));
                    continue;
                }
                if is_last_redriven(record)
                    && persistence::unpark_key(tx, service, topic, &key, until(record)).await.map_err(fail)?
                {
                    parked.remove(&key);
                }
            }
            through.push(readable);
        }
        let ids: Vec<EventId> = through.iter().map(|readable| readable.envelope.id).collect();
        let fresh = persistence::claim_events(tx, service, &ids).await.map_err(fail)?;
        let mut seen = BTreeSet::new();
        let fresh: Vec<&'r Readable> = through
            .into_iter()
            .filter(|readable| {
                let id = readable.envelope.id;
                fresh.contains(&id) && seen.insert(id)
            })
            .collect();
        let absorbed = ids.len() - fresh.len();
        if absorbed > 0 {
            metrics::counter!("consumer_duplicates_total").increment(absorbed as u64);
        }
        if !fresh.is_empty() {
            apply(tx, &fresh).await?;
            attempted.effective.extend(fresh);
        }
        Ok(())
    }

    /// Writes a dead letter and parks its key, so that later records wait behind it.
    async fn set_aside(
        &self,
        record: &Record,
        cause: Cause,
        error: &str,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        tracing::error!(
            topic = record.topic,
            partition = record.partition,
            offset = record.offset,
            key = record.key_text(),
            error,
            "a record cannot be taken and goes to the dead-letter topic"
        );
        // The mutant dies before it would, after the commit.
        if !mutants::is_on(Mutant::LetterAfterCommit) {
            self.write(record, cause, error, progress).await?;
        }
        // The next snapshot replaces one that could not be read; only facts must wait for each other.
        let key = record.key_text();
        // No record with another key than an id is ever taken, so none can wait behind this one.
        if self.entry.holds_facts() && key.parse::<Uuid>().is_ok() {
            self.park(record, key, error).await?;
        }
        progress.settled.insert(record.place());
        Ok(())
    }

    async fn write(&self, record: &Record, cause: Cause, error: &str, progress: &mut Progress) -> Result<(), Failure> {
        progress.letters.write(&self.producer, record, &self.settings.service, cause, error).await
    }

    async fn park(&self, record: &Record, key: String, error: &str) -> Result<(), Failure> {
        let failed_again_offset = if is_redriven(record) { record.offset } else { -1 };
        let park = ParkKey {
            consumer: self.settings.service.clone(),
            topic: record.topic.clone(),
            key,
            cause: error.to_owned(),
            reach: Parked { last_offset: record.offset, failed_again_offset },
        };
        let sent = self.mediator.send(&Scope::platform_system(PART), park).await;
        sent.map_err(|error| Failure::of(&error))
    }

    /// Whether a record says, to this group, that the dead letters of its key were discarded. It is no event.
    fn frees_its_key(&self, record: &Record) -> bool {
        record.header(header::DISCARD).is_some()
            && record.header(header::REDRIVE).is_some_and(|group| group == self.settings.service)
            && record.key_text().parse::<Uuid>().is_ok()
    }

    /// Lets a key through again, once however often the batch is taken: a later record of it may park it anew. Where more
    /// of it waits by now than was dealt with, the next redrive does.
    async fn free(&self, record: &Record, progress: &mut Progress) -> Result<(), Failure> {
        if progress.settled.contains(&record.place()) {
            return Ok(());
        }
        let free = FreeKey {
            consumer: self.settings.service.clone(),
            topic: record.topic.clone(),
            key: record.key_text(),
            until: until(record),
        };
        let sent = self.mediator.send(&Scope::platform_system(PART), free).await;
        sent.map_err(|error| Failure::of(&error))?;
        progress.settled.insert(record.place());
        Ok(())
    }
}

fn is_redriven(record: &Record) -> bool {
    record.header(header::REDRIVE).is_some()
}

/// Up to which offset the dead letters of a redriven record's key came back with it. Redrives before this was said
/// brought back all that they knew.
fn until(record: &Record) -> i64 {
    record.header(header::UNTIL).and_then(|offset| offset.parse().ok()).unwrap_or(i64::MAX)
}

fn is_last_redriven(record: &Record) -> bool {
    is_redriven(record) && record.header(header::UNPARK).is_some()
}
