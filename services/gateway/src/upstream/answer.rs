//! Reading the head of an answer: status, the headers that go on to the client, and where the body will end.
//!
//! The rule it keeps: hop-by-hop headers end here, and an answer that is ambiguous about its own length is refused.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use bytes::BytesMut;
use thiserror::Error;

use super::framing::{Chunk, Framing};
use crate::headers;

/// A head longer than this is refused, bytes.
const HEAD_LIMIT: usize = 64 * 1024;
const HEADER_LIMIT: usize = 64;

/// The head of an answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// What goes on to the client.
    pub headers: HeaderMap,
    /// The length that the service stated, also where no body follows (HEAD, 304).
    pub length: Option<u64>,
    /// Where the body ends.
    pub framing: Framing,
    /// The service keeps the connection open.
    pub keeps_open: bool,
}

/// The bytes are not an HTTP/1 answer.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
#[error("the service's answer cannot be read as HTTP/1.1: {0}; see the service's log for this request id")]
pub struct Unreadable(pub &'static str);

/// Takes one head out of `buffer`; `None` while it is incomplete. Interim answers (1xx) are swallowed.
pub(super) fn parse(buffer: &mut BytesMut, to_head_request: bool) -> Result<Option<Answer>, Unreadable> {
    loop {
        match parse_one(buffer, to_head_request)? {
            Some(answer) if answer.status.is_informational() => {
                if answer.status == StatusCode::SWITCHING_PROTOCOLS {
                    return Err(Unreadable("it switches to a protocol that was not asked for"));
                }
            }
            other => return Ok(other),
        }
    }
}

fn parse_one(buffer: &mut BytesMut, to_head_request: bool) -> Result<Option<Answer>, Unreadable> {
    let mut slots = [httparse::EMPTY_HEADER; HEADER_LIMIT];
    let mut parsed = httparse::Response::new(&mut slots);
    let length = match parsed.parse(buffer) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if buffer.len() >= HEAD_LIMIT => {
            return Err(Unreadable("its head is longer than 64 KiB"));
        }
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(Unreadable("its head is malformed")),
    };
    let status =
        parsed.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or(Unreadable("its status is none"))?;
    let is_newest = parsed.version == Some(1);

    // Where each name and value stands, so that values can be cut out of the buffer without copying.
    let start = buffer.as_ptr() as usize;
    let mut places = [(HeaderPlace::default(), HeaderPlace::default()); HEADER_LIMIT];
    let count = parsed.headers.len();
    for (place, header) in places.iter_mut().zip(parsed.headers.iter()) {
        *place = (HeaderPlace::of(start, header.name.as_bytes()), HeaderPlace::of(start, header.value));
    }
    let head = buffer.split_to(length).freeze();

    let mut named = headers::Named::default();
    let mut content_length: Option<u64> = None;
    let mut chunked = false;
    let mut keeps_open = is_newest;
    for (name, value) in &places[..count] {
        let (name, value) = (name.slice(&head), value.slice(&head));
        if name.eq_ignore_ascii_case(b"connection") {
            named.add(value);
            if contains_token(value, b"close") {
                keeps_open = false;
            } else if !is_newest && contains_token(value, b"keep-alive") {
                keeps_open = true;
            }
        } else if name.eq_ignore_ascii_case(b"content-length") {
            let stated = std::str::from_utf8(value)
                .ok()
                .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
                .and_then(|text| text.parse().ok())
                .ok_or(Unreadable("its Content-Length is no number"))?;
            if content_length.is_some_and(|before| before != stated) {
                return Err(Unreadable("it states two different lengths"));
            }
            content_length = Some(stated);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if chunked || !value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                return Err(Unreadable("its Transfer-Encoding is not plain chunked"));
            }
            chunked = true;
        }
    }
    if chunked && content_length.is_some() {
        return Err(Unreadable("it states a length and chunks"));
    }

    let bodiless = to_head_request
        || status.is_informational()
        || status == StatusCode::NO_CONTENT
        || status == StatusCode::NOT_MODIFIED;
    let framing = match (bodiless, chunked, content_length) {
        (true, _, _) | (_, false, Some(0)) => Framing::Finished,
        (_, true, _) => Framing::Chunked(Chunk::Size),
        (_, _, Some(length)) => Framing::Length(length),
        (false, false, None) => {
            keeps_open = false;
            Framing::UntilClose
        }
    };

    let mut kept = HeaderMap::with_capacity(count + 4);
    for (name, value) in &places[..count] {
        let name = HeaderName::from_bytes(name.slice(&head)).map_err(|_| Unreadable("a header name is none"))?;
        if headers::passes_to_client(&name) && !named.names(name.as_str()) {
            let value = HeaderValue::from_maybe_shared(head.slice(value.from..value.to))
                .map_err(|_| Unreadable("a header value has forbidden bytes"))?;
            kept.append(name, value);
        }
    }
    Ok(Some(Answer { status, headers: kept, length: content_length, framing, keeps_open }))
}

#[derive(Debug, Default, Clone, Copy)]
struct HeaderPlace {
    from: usize,
    to: usize,
}

impl HeaderPlace {
    fn of(start: usize, part: &[u8]) -> HeaderPlace {
        // An empty value may point anywhere; it is cut as nothing at the start.
        if part.is_empty() {
            return HeaderPlace::default();
        }
        let from = part.as_ptr() as usize - start;
        HeaderPlace { from, to: from + part.len() }
    }

    fn slice<'a>(&self, head: &'a [u8]) -> &'a [u8] {
        &head[self.from..self.to]
    }
}

/// Whether a comma-separated header value holds `token`.
fn contains_token(value: &[u8], token: &[u8]) -> bool {
    value.split(|byte| *byte == b',').any(|part| part.trim_ascii().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Result<Option<Answer>, Unreadable> {
        parse(&mut BytesMut::from(text.as_bytes()), false)
    }

    #[test]
    fn hop_by_hop_headers_and_what_connection_names_end_here() {
        let answer = head(
            "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Secret\r\nX-Secret: 1\r\nKeep-Alive: 5\r\n\
             X-Internal-Node: 7\r\nContent-Type: text/plain\r\nX-Empty:\r\nContent-Length: 2\r\n\r\nok",
        )
        .unwrap()
        .unwrap();
        let names: Vec<_> = answer.headers.iter().map(|(name, _)| name.as_str().to_owned()).collect();
        assert!(names.contains(&"content-type".to_owned()) && names.contains(&"x-empty".to_owned()));
        assert_eq!(names.len(), 2, "{names:?}");
        assert_eq!(answer.framing, Framing::Length(2));
        assert!(answer.keeps_open);
    }

    #[test]
    fn an_answer_that_is_ambiguous_about_its_length_is_refused() {
        for text in [
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
            "nonsense\r\n\r\n",
        ] {
            assert!(head(text).is_err(), "{text}");
        }
    }

    #[test]
    fn interim_answers_are_swallowed_and_an_incomplete_head_waits() {
        let answer = head("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n").unwrap().unwrap();
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
        assert!(head("HTTP/1.1 200 OK\r\nContent-Le").unwrap().is_none());
    }

    #[test]
    fn without_length_and_chunks_the_body_lasts_until_the_close() {
        let answer = head("HTTP/1.1 200 OK\r\n\r\n").unwrap().unwrap();
        assert_eq!((answer.framing, answer.keeps_open), (Framing::UntilClose, false));
        let to_head =
            parse(&mut BytesMut::from("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"), true).unwrap().unwrap();
        assert_eq!((to_head.framing, to_head.length), (Framing::Finished, Some(9)));
    }
}
