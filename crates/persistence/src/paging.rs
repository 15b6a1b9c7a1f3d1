//! The cursors of lists, sealed: a client gets back the page after the item that the list has ended with, and nothing else.
//! The rule: a cursor is good for the organisation, the list and the filter that it was made for, and any change of it is
//! refused. The key is one per schema, so every replica opens what another one has sealed.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diesel::QueryableByName;
use diesel::sql_types::Bytea;
use diesel_async::RunQueryDsl;
use hmac::{Hmac, KeyInit, Mac};
use kernel::{Cursor, Malformed, OrganisationId, Page, PageSize};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;
use tokio::sync::OnceCell;

use crate::error::Error;
use crate::{AsyncPgConnection, statement};

/// Bytes of a seal: half of HMAC-SHA-256, which RFC 2104 (section 5) allows.
const SEAL: usize = 16;

/// The key of a schema, read once per process.
#[derive(Clone, Default)]
pub(crate) struct SealingKey(Arc<OnceCell<Vec<u8>>>);

#[derive(QueryableByName)]
struct KeyRow {
    #[diesel(sql_type = Bytea)]
    key: Vec<u8>,
}

impl SealingKey {
    /// The list of this name and filter in one organisation. `name` has no NUL.
    pub(crate) async fn list(
        &self,
        connection: &AsyncPgConnection,
        organisation: OrganisationId,
        name: &'static str,
        filter: &impl Serialize,
    ) -> Result<List, Error> {
        let key = self.0.get_or_try_init(|| read_key(connection)).await?;
        let filter = serde_json::to_vec(filter)
            .map_err(|cause| Error::Defect(format!("the filter of the list {name} has no JSON form: {cause}")))?;
        List::new(key, organisation, name, &filter)
    }
}

async fn read_key(mut connection: &AsyncPgConnection) -> Result<Vec<u8>, Error> {
    let row: KeyRow = statement("select key from cursor_keys").get_result(&mut connection).await?;
    Ok(row.key)
}

/// One list of one organisation with one filter: what its cursors are good for.
#[derive(Clone)]
pub struct List(Hmac<Sha256>);

impl std::fmt::Debug for List {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The state is made from the key.
        f.debug_struct("List").finish_non_exhaustive()
    }
}

impl List {
    fn new(key: &[u8], organisation: OrganisationId, name: &'static str, filter: &[u8]) -> Result<Self, Error> {
        let mut seal = Hmac::<Sha256>::new_from_slice(key)
            .map_err(|cause| Error::Defect(format!("the key of the cursors cannot be used: {cause}")))?;
        seal.update(organisation.uuid().as_bytes());
        // JSON has no NUL, so no two lists have the same bytes.
        for part in [name.as_bytes(), filter] {
            seal.update(part);
            seal.update(&[0]);
        }
        Ok(Self(seal))
    }

    fn seal(&self, key: &[u8]) -> Hmac<Sha256> {
        let mut seal = self.0.clone();
        seal.update(key);
        seal
    }

    /// A cursor for the item with this sort key.
    ///
    /// # Errors
    /// When the key has no JSON form, or is longer than a cursor may be.
    pub fn cursor(&self, key: &impl Serialize) -> Result<Cursor, Malformed> {
        let json =
            serde_json::to_vec(key).map_err(|cause| Malformed::new("cursor", format!("has no JSON form: {cause}")))?;
        let seal = self.seal(&json).finalize().into_bytes();
        let mut sealed = Vec::with_capacity(SEAL + json.len());
        sealed.extend_from_slice(&seal[..SEAL]);
        sealed.extend_from_slice(&json);
        Cursor::parse(&URL_SAFE_NO_PAD.encode(sealed))
    }

    /// The sort key that this list has put into the cursor; none where there is no cursor.
    ///
    /// # Errors
    /// When the cursor is not from this list with this filter in this organisation.
    pub fn mark<K: DeserializeOwned>(&self, cursor: Option<&Cursor>) -> Result<Option<K>, Malformed> {
        let Some(cursor) = cursor else { return Ok(None) };
        let sealed = URL_SAFE_NO_PAD.decode(cursor.as_str()).map_err(|_| Cursor::foreign())?;
        let (seal, json) = sealed.split_at_checked(SEAL).ok_or_else(Cursor::foreign)?;
        self.seal(json).verify_truncated_left(seal).map_err(|_| Cursor::foreign())?;
        serde_json::from_slice(json).map(Some).map_err(|_| Cursor::foreign())
    }

    /// Makes the page of rows that were read with [`PageSize::rows`]: one too many means that there is a next cursor.
    ///
    /// # Errors
    /// When the key of the last item does not fit a cursor.
    pub fn page<T, K: Serialize>(
        &self,
        mut items: Vec<T>,
        size: PageSize,
        key: impl FnOnce(&T) -> K,
    ) -> Result<Page<T>, Malformed> {
        let full = usize::from(u16::from(size));
        let more = items.len() > full;
        items.truncate(full);
        let next_cursor = match items.last() {
            Some(last) if more => Some(self.cursor(&key(last))?),
            _ => None,
        };
        Ok(Page { items, next_cursor })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn list(organisation: OrganisationId, name: &'static str, filter: &str) -> List {
        List::new(&KEY, organisation, name, filter.as_bytes()).unwrap()
    }

    #[test]
    fn a_cursor_is_good_for_its_own_list_only() {
        let organisation = OrganisationId::new();
        let own = list(organisation, "products", "{}");
        let cursor = own.cursor(&("title", 7)).unwrap();
        assert_eq!(own.mark::<(String, i64)>(Some(&cursor)).unwrap(), Some(("title".to_owned(), 7)));
        assert_eq!(own.mark::<(String, i64)>(None).unwrap(), None);
        let mut other_key = KEY;
        other_key[31] = 8;
        for other in [
            list(OrganisationId::new(), "products", "{}"),
            list(organisation, "product", "s{}"),
            list(organisation, "products", "{\"status\":\"draft\"}"),
            List::new(&other_key, organisation, "products", b"{}").unwrap(),
        ] {
            assert_eq!(other.mark::<(String, i64)>(Some(&cursor)), Err(Cursor::foreign()));
        }
    }

    #[test]
    fn every_change_of_a_cursor_is_refused() {
        let own = list(OrganisationId::new(), "products", "{}");
        let cursor = own.cursor(&("a title", 12_345_678)).unwrap().to_string();
        for position in 0..cursor.len() {
            for letter in ["A", "b", "9", "-", "_"] {
                let changed = format!("{}{letter}{}", &cursor[..position], &cursor[position + 1..]);
                let same = changed == cursor;
                let read = own.mark::<(String, i64)>(Some(&Cursor::parse(&changed).unwrap()));
                assert_eq!(read.is_ok(), same, "{changed}");
            }
        }
        for cut in 1..cursor.len() {
            let read = own.mark::<(String, i64)>(Some(&Cursor::parse(&cursor[..cut]).unwrap()));
            assert!(read.is_err(), "{cut}");
        }
    }

    #[test]
    fn a_key_too_long_for_a_cursor_is_refused() {
        let own = list(OrganisationId::new(), "products", "{}");
        assert!(own.cursor(&"x".repeat(6_200)).is_err());
        assert!(own.cursor(&"𝓛".repeat(200)).is_ok(), "the longest title");
    }

    #[test]
    fn only_a_page_with_a_successor_has_a_cursor() {
        let (own, size) = (list(OrganisationId::new(), "numbers", "{}"), PageSize::new(3).unwrap());
        let page = own.page(vec![1, 2, 3, 4], size, |last| *last).unwrap();
        assert_eq!(page.items, [1, 2, 3]);
        assert_eq!(own.mark::<i32>(page.next_cursor.as_ref()).unwrap(), Some(3));
        let many = own.page((1..=21).collect(), size, |last| *last).unwrap();
        assert_eq!(many.items, [1, 2, 3], "more than one too many");
        assert_eq!(own.page(vec![1, 2, 3], size, |last| *last).unwrap().next_cursor, None);
        assert_eq!(own.page(Vec::<i32>::new(), size, |last| *last).unwrap().next_cursor, None);
    }
}
