//! A record as it lies on a topic, detached from the client that read it.

use rdkafka::message::{BorrowedMessage, Headers, Message};

/// One record.
#[derive(Clone, Debug)]
pub struct Record {
    /// Topic without its namespace.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
    /// The broker's time stamp, milliseconds since 1970, where there is one.
    pub timestamp: Option<i64>,
    /// Key.
    pub key: Option<Vec<u8>>,
    /// Value; none is a tombstone.
    pub payload: Option<Vec<u8>>,
    /// Headers in order; a header without a value has an empty one.
    pub headers: Vec<(String, Vec<u8>)>,
}

/// Where a record lies: topic, partition, offset.
pub(crate) type Place = (String, i32, i64);

impl Record {
    pub(crate) fn place(&self) -> Place {
        (self.topic.clone(), self.partition, self.offset)
    }

    pub(crate) fn from_message(message: &BorrowedMessage<'_>, local_topic: &str) -> Self {
        Self {
            topic: local_topic.to_owned(),
            partition: message.partition(),
            offset: message.offset(),
            timestamp: message.timestamp().to_millis(),
            key: message.key().map(<[u8]>::to_vec),
            payload: message.payload().map(<[u8]>::to_vec),
            headers: headers_of(message),
        }
    }

    /// The first header of this name, as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// The headers as contracts reads them.
    pub fn header_pairs(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// The key as text, empty when there is none.
    #[must_use]
    pub fn key_text(&self) -> String {
        String::from_utf8_lossy(self.key.as_deref().unwrap_or_default()).into_owned()
    }
}

/// The headers of a message in order. The client library panics at a header whose name is not UTF-8. Such a record has no
/// headers here, which makes it unreadable; a panic would end the service, again after every restart.
pub(crate) fn headers_of(message: &BorrowedMessage<'_>) -> Vec<(String, Vec<u8>)> {
    let headers = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        message.headers().map_or_else(Vec::new, |headers| {
            headers.iter().map(|header| (header.key.to_owned(), header.value.unwrap_or_default().to_vec())).collect()
        })
    }));
    headers.unwrap_or_default()
}
