//! Who is told of events that this process has committed.
//! The rule: observers hear of an event after its commit and never before. They are a shortcut inside one process, so they
//! must not block and nothing may depend on them: a crash after the commit is a call that never comes.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use contracts::Channel;
use kernel::{OrganisationId, Timestamp};

/// An event that was committed a moment ago.
#[derive(Debug)]
pub struct Committed<'e, E> {
    /// Whose it is; none for what belongs to the platform.
    pub organisation: Option<OrganisationId>,
    /// When it happened, as the event's own time says.
    pub at: Timestamp,
    /// The version of its aggregate after the change.
    pub version: i64,
    /// What happened.
    pub event: &'e E,
}

type Observer = Arc<dyn Fn(&ObservedEvent) + Send + Sync>;

/// An event between its recording and the commit, kept for the observers of its type.
pub(crate) struct ObservedEvent {
    organisation: Option<OrganisationId>,
    at: Timestamp,
    version: i64,
    event: Box<dyn Any + Send>,
}

/// The observers of one process, registered at its start.
#[derive(Default)]
pub struct Observers {
    by_type: HashMap<TypeId, Vec<Observer>>,
}

impl Observers {
    /// Registers an observer for all events of the channel `E`.
    #[must_use]
    pub fn on<E: Channel>(mut self, observer: impl Fn(&Committed<'_, E>) + Send + Sync + 'static) -> Self {
        let observer: Observer = Arc::new(move |observed| {
            if let Some(event) = observed.event.downcast_ref::<E>() {
                let ObservedEvent { organisation, at, version, .. } = *observed;
                observer(&Committed { organisation, at, version, event });
            }
        });
        self.by_type.entry(TypeId::of::<E>()).or_default().push(observer);
        self
    }

    /// Keeps an event for the observers of its type; none when nobody observes it.
    pub(crate) fn keep<E: Channel>(
        &self,
        organisation: Option<OrganisationId>,
        at: Timestamp,
        version: i64,
        event: E,
    ) -> Option<ObservedEvent> {
        self.by_type.contains_key(&TypeId::of::<E>()).then(|| ObservedEvent {
            organisation,
            at,
            version,
            event: Box::new(event),
        })
    }

    /// Tells the observers, in the order of the events. One that panics is reported and disturbs nobody else.
    pub(crate) fn tell(&self, events: &[ObservedEvent]) {
        for observed in events {
            let kind = (*observed.event).type_id();
            for observer in self.by_type.get(&kind).into_iter().flatten() {
                if catch_unwind(AssertUnwindSafe(|| observer(observed))).is_err() {
                    metrics::counter!("observer_panics_total").increment(1);
                    tracing::error!("an observer of committed events panicked; the commit stands");
                }
            }
        }
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observers").field("types", &self.by_type.len()).finish_non_exhaustive()
    }
}
