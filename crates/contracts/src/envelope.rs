//! The envelope: everything about an event that is not the event. It travels in headers, so that a relay or an operator
//! can read it without knowing the body.

use std::fmt::Display;
use std::str::FromStr;

use kernel::{EventId, OrganisationId, Timestamp};
use uuid::Uuid;

use crate::Undecodable;

/// The header names.
pub mod header {
    /// CloudEvents version: always "1.0".
    pub const SPECVERSION: &str = "ce_specversion";
    /// The event's id.
    pub const ID: &str = "ce_id";
    /// The event's type.
    pub const TYPE: &str = "ce_type";
    /// The service that published it.
    pub const SOURCE: &str = "ce_source";
    /// When it happened.
    pub const TIME: &str = "ce_time";
    /// The aggregate.
    pub const SUBJECT: &str = "ce_subject";
    /// Whose it is.
    pub const ORGANISATION: &str = "ce_organisation";
    /// Who caused it.
    pub const ACTOR: &str = "ce_actor";
    /// The aggregate's version.
    pub const AGGREGATE_VERSION: &str = "ce_aggregateversion";
    /// The request it goes back to.
    pub const CORRELATION: &str = "ce_correlationid";
    /// The event it answers.
    pub const CAUSATION: &str = "ce_causationid";
    /// W3C trace context.
    pub const TRACEPARENT: &str = "traceparent";
    /// The body's type.
    pub const CONTENT_TYPE: &str = "content-type";
}

/// Everything about an event that is not the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The event itself; a repeated delivery has the same.
    pub id: EventId,
    /// `<owner>.<aggregate>.<fact>.v<major>`.
    pub event_type: String,
    /// The service that published it: "/order".
    pub source: String,
    /// When it happened.
    pub time: Timestamp,
    /// The aggregate: equal to the record's key.
    pub subject: Uuid,
    /// Whose it is; none for facts about the installation, such as a signing key.
    pub organisation: Option<OrganisationId>,
    /// Who caused it, as `access::Caller::actor` says it.
    pub actor: String,
    /// Counts the changes of the aggregate, from 1.
    pub aggregate_version: i64,
    /// The request that everything goes back to.
    pub correlation: Uuid,
    /// The event that this one answers.
    pub causation: Option<Uuid>,
    /// W3C trace context of the publisher's span, as it came: whoever continues the trace checks it.
    pub traceparent: Option<String>,
}

impl Envelope {
    /// The headers of the record, absent values left out.
    #[must_use]
    pub fn to_headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            (header::SPECVERSION, "1.0".to_owned()),
            (header::ID, self.id.to_string()),
            (header::TYPE, self.event_type.clone()),
            (header::SOURCE, self.source.clone()),
            (header::TIME, rfc_3339(&self.time)),
            (header::SUBJECT, self.subject.to_string()),
            (header::ACTOR, self.actor.clone()),
            (header::AGGREGATE_VERSION, self.aggregate_version.to_string()),
            (header::CORRELATION, self.correlation.to_string()),
            (header::CONTENT_TYPE, "application/json".to_owned()),
        ];
        headers.extend(self.organisation.map(|organisation| (header::ORGANISATION, organisation.to_string())));
        headers.extend(self.causation.map(|causation| (header::CAUSATION, causation.to_string())));
        headers.extend(self.traceparent.clone().map(|traceparent| (header::TRACEPARENT, traceparent)));
        headers
    }

    /// Reads the headers of a record. Unknown ones are ignored; of one that stands twice, the first counts.
    ///
    /// # Errors
    /// [`Undecodable::MissingHeader`] and [`Undecodable::BadHeader`].
    pub fn from_headers<'a>(headers: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<Self, Undecodable> {
        let headers = Headers(headers.into_iter().take(Headers::MOST).collect());
        let version = headers.required(header::SPECVERSION)?;
        if version != "1.0" {
            return Err(bad(header::SPECVERSION, "must be 1.0"));
        }
        let aggregate_version = headers.parsed(header::AGGREGATE_VERSION)?;
        if aggregate_version < 1 {
            return Err(bad(header::AGGREGATE_VERSION, "must be at least 1"));
        }
        Ok(Self {
            id: headers.parsed(header::ID)?,
            event_type: headers.required(header::TYPE)?.to_owned(),
            source: headers.required(header::SOURCE)?.to_owned(),
            time: headers.parsed(header::TIME)?,
            subject: headers.parsed(header::SUBJECT)?,
            organisation: headers.optional(header::ORGANISATION)?,
            actor: headers.required(header::ACTOR)?.to_owned(),
            aggregate_version,
            correlation: headers.parsed(header::CORRELATION)?,
            causation: headers.optional(header::CAUSATION)?,
            // A broken trace context costs the trace, not the event.
            traceparent: headers.text(header::TRACEPARENT).ok().flatten().map(str::to_owned),
        })
    }
}

/// Always with microseconds, as the database keeps it, so that equal times are equal texts.
fn rfc_3339(time: &Timestamp) -> String {
    time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

fn bad(name: &'static str, reason: impl Display) -> Undecodable {
    Undecodable::BadHeader { name, reason: reason.to_string() }
}

struct Headers<'a>(Vec<(&'a str, &'a [u8])>);

impl<'a> Headers<'a> {
    /// More than any record of ours has; whoever sends thousands does not get them all searched.
    const MOST: usize = 64;

    fn text(&self, name: &'static str) -> Result<Option<&'a str>, Undecodable> {
        let found = self.0.iter().find(|(candidate, _)| candidate.eq_ignore_ascii_case(name));
        found.map(|(_, value)| std::str::from_utf8(value).map_err(|_| bad(name, "is not UTF-8"))).transpose()
    }

    fn required(&self, name: &'static str) -> Result<&'a str, Undecodable> {
        self.text(name)?.filter(|text| !text.is_empty()).ok_or(Undecodable::MissingHeader { name })
    }

    fn parsed<T: FromStr<Err: Display>>(&self, name: &'static str) -> Result<T, Undecodable> {
        self.required(name)?.parse().map_err(|cause| bad(name, format_args!("cannot be read: {cause}")))
    }

    fn optional<T: FromStr<Err: Display>>(&self, name: &'static str) -> Result<Option<T>, Undecodable> {
        match self.text(name)? {
            None => Ok(None),
            Some(_) => self.parsed(name).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete() -> Envelope {
        Envelope {
            id: EventId::new(),
            event_type: "order.order.placed.v1".to_owned(),
            source: "/order".to_owned(),
            time: kernel::Clock::now(),
            subject: Uuid::now_v7(),
            organisation: Some(OrganisationId::new()),
            actor: "shopper".to_owned(),
            aggregate_version: 1,
            correlation: Uuid::now_v7(),
            causation: Some(Uuid::now_v7()),
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        }
    }

    fn read(headers: &[(&'static str, String)]) -> Result<Envelope, Undecodable> {
        Envelope::from_headers(headers.iter().map(|(name, value)| (*name, value.as_bytes())))
    }

    #[test]
    fn headers_lead_back_to_the_same_envelope() {
        let full = complete();
        assert_eq!(read(&full.to_headers()).unwrap(), full);
        let bare = Envelope { organisation: None, causation: None, traceparent: None, ..complete() };
        assert_eq!(read(&bare.to_headers()).unwrap(), bare);
    }

    #[test]
    fn a_missing_header_is_named() {
        let optional = [header::ORGANISATION, header::CAUSATION, header::TRACEPARENT, header::CONTENT_TYPE];
        let all = complete().to_headers();
        for (missing, _) in &all {
            let rest: Vec<_> = all.iter().filter(|(name, _)| name != missing).cloned().collect();
            match read(&rest) {
                Ok(_) => assert!(optional.contains(missing), "{missing} was not missed"),
                Err(Undecodable::MissingHeader { name }) => assert_eq!(name, *missing),
                Err(other) => panic!("{missing}: {other}"),
            }
        }
    }

    #[test]
    fn a_header_that_cannot_be_read_is_named() {
        for name in [
            header::SPECVERSION,
            header::ID,
            header::TIME,
            header::SUBJECT,
            header::ORGANISATION,
            header::AGGREGATE_VERSION,
            header::CORRELATION,
            header::CAUSATION,
        ] {
            let mut headers = complete().to_headers();
            headers.iter_mut().find(|(candidate, _)| *candidate == name).unwrap().1 = "0".to_owned();
            match read(&headers) {
                Err(Undecodable::BadHeader { name: named, .. }) => assert_eq!(named, name),
                other => panic!("{name}: {other:?}"),
            }
        }
    }

    #[test]
    fn header_bytes_that_are_no_text_are_refused() {
        let headers = complete().to_headers();
        let broken = headers
            .iter()
            .map(|(name, value)| (*name, if *name == header::ACTOR { &b"\xff\xfe"[..] } else { value.as_bytes() }));
        assert!(matches!(Envelope::from_headers(broken), Err(Undecodable::BadHeader { name: header::ACTOR, .. })));
    }
}
