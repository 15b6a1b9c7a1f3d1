//! Lists in pages: the size a client may ask for, the opaque cursor where the next page begins, and the page itself.
//! The rule: a cursor is never trusted, since it comes back from the client. `persistence` seals and opens them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::Malformed;

/// Where a page begins, as text that only the list that wrote it can read. Opaque to clients, not secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Cursor(String);

impl Cursor {
    /// Four keys fit, each of the longest text that a list is sorted by.
    const LONGEST: usize = 8_192;

    /// Takes the text that a list wrote or that a client sends back. Whether it belongs to a list is found out by the list.
    ///
    /// # Errors
    /// When it does not have the form of a cursor.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if (1..=Self::LONGEST).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Self::foreign())
        }
    }

    /// What a client is told about a cursor that this list did not write.
    #[must_use]
    pub fn foreign() -> Malformed {
        Malformed::new("cursor", "is not from this list; leave it out to begin with the first page")
    }
}

crate::text!(Cursor, {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,8192}$"});

/// How many items a page may have: 1 to 100, 20 when not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct PageSize(u16);

impl PageSize {
    /// The largest page.
    pub const MOST: u16 = 100;

    /// # Errors
    /// When it is 0 or more than [`Self::MOST`].
    pub fn new(items: u16) -> Result<Self, Malformed> {
        if (1..=Self::MOST).contains(&items) {
            Ok(Self(items))
        } else {
            Err(Malformed::new("limit", "must be from 1 to 100"))
        }
    }

    /// The number of items.
    #[must_use]
    pub fn get(self) -> i64 {
        i64::from(self.0)
    }

    /// How many rows to read so that whether a next page exists is known too: more than the page holds, and few
    /// different numbers, since each stands in a statement of its own.
    #[must_use]
    pub fn rows(self) -> i64 {
        [20, 50].into_iter().find(|most| self.get() <= *most).unwrap_or(i64::from(Self::MOST)) + 1
    }
}

impl Default for PageSize {
    fn default() -> Self {
        Self(20)
    }
}

impl TryFrom<u16> for PageSize {
    type Error = Malformed;

    fn try_from(items: u16) -> Result<Self, Malformed> {
        Self::new(items)
    }
}

impl From<PageSize> for u16 {
    fn from(size: PageSize) -> Self {
        size.0
    }
}

impl JsonSchema for PageSize {
    fn schema_name() -> Cow<'static, str> {
        "PageSize".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "minimum": 1, "maximum": Self::MOST, "default": 20})
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Where the next page begins; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<Cursor>,
}

impl<T> Page<T> {
    /// The same page of other items.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(change).collect(), next_cursor: self.next_cursor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_not_the_form_of_a_cursor_is_refused() {
        for text in ["", "a=", "a b", "é", "%00", &"a".repeat(8_193)] {
            assert!(Cursor::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(Cursor::parse(&"a".repeat(8_192)).unwrap().as_str().len(), 8_192);
    }

    #[test]
    fn the_size_holds_its_bounds() {
        assert_eq!(PageSize::default().get(), 20);
        for (size, rows) in [(1, 21), (20, 21), (21, 51), (50, 51), (51, 101), (100, 101)] {
            assert_eq!(PageSize::new(size).unwrap().rows(), rows);
        }
        assert!(PageSize::new(0).is_err());
        assert!(PageSize::new(101).is_err());
        assert!(serde_json::from_str::<PageSize>("101").is_err());
    }
}
