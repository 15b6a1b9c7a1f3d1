//! Lists in pages: the size a client may ask for, the opaque cursor where the next page begins, and the page itself.
//! The rule: a cursor is never trusted, since it comes back from the client.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Malformed;

/// Where the next page begins: the sort key of the last item, as base64url of JSON. Opaque to clients, not secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Cursor(String);

impl Cursor {
    /// A title of 200 characters of four bytes each fits.
    const LONGEST: usize = 2_048;

    /// Packs the sort key of a page's last item.
    ///
    /// # Errors
    /// When the key cannot be written as JSON, or is longer than a cursor may be.
    pub fn encode(key: &impl Serialize) -> Result<Self, Malformed> {
        let json =
            serde_json::to_vec(key).map_err(|cause| Malformed::new("cursor", format!("has no JSON form: {cause}")))?;
        Self::parse(&URL_SAFE_NO_PAD.encode(json))
    }

    /// Takes the text that a client sends back; whether it belongs to this list is found out by [`Self::decode`].
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

    /// Unpacks the sort key.
    ///
    /// # Errors
    /// When this list did not make the cursor.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, Malformed> {
        let json = URL_SAFE_NO_PAD.decode(&self.0).map_err(|_| Self::foreign())?;
        serde_json::from_slice(&json).map_err(|_| Self::foreign())
    }

    fn foreign() -> Malformed {
        Malformed::new("cursor", "is not from this list; leave it out to begin with the first page")
    }
}

crate::text!(Cursor, {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,2048}$"});

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
    /// different numbers, since each stands in a statement of its own. See [`Page::cut`].
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
    /// Makes the page of rows that were read with [`PageSize::rows`]: one too many means that there is a next cursor.
    ///
    /// # Errors
    /// When the key of the last item does not fit a cursor.
    pub fn cut<K: Serialize>(mut items: Vec<T>, size: PageSize, key: impl FnOnce(&T) -> K) -> Result<Self, Malformed> {
        let full = usize::from(size.0);
        let more = items.len() > full;
        items.truncate(full);
        let next_cursor = match items.last() {
            Some(last) if more => Some(Cursor::encode(&key(last))?),
            _ => None,
        };
        Ok(Self { items, next_cursor })
    }

    /// The same page of other items.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(change).collect(), next_cursor: self.next_cursor }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Clock, ProductId, Timestamp};

    #[test]
    fn a_cursor_survives_the_way_to_the_client_and_back() {
        let key = (Clock::now(), ProductId::new());
        let text = Cursor::encode(&key).unwrap().to_string();
        assert_eq!(Cursor::parse(&text).unwrap().decode::<(Timestamp, ProductId)>().unwrap(), key);
    }

    #[test]
    fn a_cursor_from_elsewhere_is_refused() {
        let of_another_list = Cursor::encode(&"title").unwrap();
        assert!(of_another_list.decode::<(Timestamp, ProductId)>().is_err());
        for text in ["", "a=", "a b", "é", "%00", &"a".repeat(2_049)] {
            assert!(Cursor::parse(text).is_err(), "{text:?}");
        }
        assert!(Cursor::parse("AAAA").unwrap().decode::<String>().is_err());
    }

    #[test]
    fn a_key_too_long_for_a_cursor_is_refused() {
        assert!(Cursor::encode(&"x".repeat(1_600)).is_err());
    }

    #[test]
    fn only_a_page_with_a_successor_has_a_cursor() {
        let size = PageSize::new(3).unwrap();
        let page = Page::cut(vec![1, 2, 3, 4], size, |last| *last).unwrap();
        assert_eq!(page.items, [1, 2, 3]);
        assert_eq!(page.next_cursor.unwrap().decode::<i32>().unwrap(), 3);
        assert_eq!(
            Page::cut((1..=21).collect(), size, |last| *last).unwrap().items,
            [1, 2, 3],
            "more than one too many"
        );
        assert_eq!(Page::cut(vec![1, 2, 3], size, |last| *last).unwrap().next_cursor, None);
        assert_eq!(Page::cut(Vec::<i32>::new(), size, |last| *last).unwrap().next_cursor, None);
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

    proptest! {
        #[test]
        fn every_key_survives_the_round_trip(text in ".{0,100}", number: i64) {
            let key = (text, number);
            prop_assert_eq!(Cursor::encode(&key).unwrap().decode::<(String, i64)>().unwrap(), key);
        }

        #[test]
        fn no_text_makes_the_decoder_panic(text in "[A-Za-z0-9_-]{1,80}") {
            let _ = Cursor::parse(&text).unwrap().decode::<(String, i64)>();
        }
    }
}
