//! Where the body of an answer ends: by length, by chunks, at the end of the connection, or there is none.
//!
//! The rule it keeps: a body that was cut off is an error and never looks complete.

use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;

/// A chunk-size line or a trailer longer than this is not one of ours.
const LINE_LIMIT: usize = 4 * 1024;

/// How the end of a body is recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Framing {
    /// Nothing follows the head, or everything was read.
    Finished,
    /// So many bytes are still to come.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked(Chunk),
    /// Until the other side closes.
    UntilClose,
}

/// Where in the chunked coding the reader stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chunk {
    /// Before a size line.
    Size,
    /// Inside a chunk with so many bytes to come.
    Data(u64),
    /// Before the line end that closes a chunk.
    DataEnd,
    /// After the last chunk: lines up to an empty one.
    Trailer,
}

/// What one step over the buffer gave.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// A piece of the body.
    Data(Bytes),
    /// More bytes must be read first.
    More,
    /// The body is complete.
    Done,
}

/// The bytes do not follow the framing that the head announced.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Malformed {
    /// The connection ended inside the body.
    #[error("the service closed the connection in the middle of its answer; ask again")]
    Truncated,
    /// A chunk-size line that is none.
    #[error("the service sent a chunk whose size line cannot be read; it does not speak HTTP/1.1")]
    Chunk,
}

impl Framing {
    /// Takes the next piece of the body out of `buffer`; `ended` says that nothing more will arrive.
    pub fn step(&mut self, buffer: &mut BytesMut, ended: bool) -> Result<Step, Malformed> {
        loop {
            match self {
                Framing::Finished => return Ok(Step::Done),
                Framing::Length(0) => *self = Framing::Finished,
                Framing::Length(left) => {
                    return match take(buffer, left) {
                        Some(data) => Ok(Step::Data(data)),
                        None => more(ended),
                    };
                }
                Framing::UntilClose => {
                    if !buffer.is_empty() {
                        return Ok(Step::Data(buffer.split().freeze()));
                    }
                    if !ended {
                        return Ok(Step::More);
                    }
                    *self = Framing::Finished;
                }
                Framing::Chunked(chunk) => match chunk {
                    Chunk::Size => match line(buffer)? {
                        None => return more(ended),
                        Some(text) => match size(&text)? {
                            0 => *chunk = Chunk::Trailer,
                            left => *chunk = Chunk::Data(left),
                        },
                    },
                    Chunk::Data(0) => *chunk = Chunk::DataEnd,
                    Chunk::Data(left) => {
                        return match take(buffer, left) {
                            Some(data) => Ok(Step::Data(data)),
                            None => more(ended),
                        };
                    }
                    Chunk::DataEnd => match line(buffer)? {
                        None => return more(ended),
                        Some(text) if text.is_empty() => *chunk = Chunk::Size,
                        Some(_) => return Err(Malformed::Chunk),
                    },
                    Chunk::Trailer => match line(buffer)? {
                        None => return more(ended),
                        Some(text) if text.is_empty() => *self = Framing::Finished,
                        Some(_) => {}
                    },
                },
            }
        }
    }

    /// Whether the body was read to its end.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        matches!(self, Framing::Finished | Framing::Length(0))
    }
}

fn more(ended: bool) -> Result<Step, Malformed> {
    if ended { Err(Malformed::Truncated) } else { Ok(Step::More) }
}

/// At most `left` bytes of the buffer; `None` when it is empty.
fn take(buffer: &mut BytesMut, left: &mut u64) -> Option<Bytes> {
    if buffer.is_empty() {
        return None;
    }
    let there = buffer.len();
    let length = usize::try_from(*left).map_or(there, |left| left.min(there));
    *left -= length as u64;
    Some(buffer.split_to(length).freeze())
}

/// One line without its end; `None` when it is not complete yet.
fn line(buffer: &mut BytesMut) -> Result<Option<Bytes>, Malformed> {
    let Some(end) = buffer.iter().take(LINE_LIMIT).position(|byte| *byte == b'\n') else {
        return if buffer.len() >= LINE_LIMIT { Err(Malformed::Chunk) } else { Ok(None) };
    };
    if end == 0 || buffer[end - 1] != b'\r' {
        return Err(Malformed::Chunk);
    }
    let text = buffer.split_to(end - 1).freeze();
    buffer.advance(2);
    Ok(Some(text))
}

/// The size that a chunk line announces; extensions after `;` are ignored.
fn size(text: &[u8]) -> Result<u64, Malformed> {
    let digits = text.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii_end();
    if digits.is_empty() || digits.len() > 15 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(Malformed::Chunk);
    }
    std::str::from_utf8(digits).ok().and_then(|digits| u64::from_str_radix(digits, 16).ok()).ok_or(Malformed::Chunk)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `text` in pieces of `piece` bytes and collects the body.
    fn read(mut framing: Framing, text: &[u8], piece: usize) -> Result<(Vec<u8>, usize), Malformed> {
        let mut buffer = BytesMut::new();
        let mut body = Vec::new();
        let mut rest = text;
        loop {
            match framing.step(&mut buffer, rest.is_empty())? {
                Step::Data(data) => body.extend_from_slice(&data),
                Step::Done => return Ok((body, buffer.len() + rest.len())),
                Step::More => {
                    let length = piece.min(rest.len());
                    buffer.extend_from_slice(&rest[..length]);
                    rest = &rest[length..];
                }
            }
        }
    }

    #[test]
    fn a_chunked_body_is_read_however_it_is_cut() {
        let text = b"4\r\nWiki\r\nA;x=y\r\npedia in \n\r\n0\r\nTrailer: x\r\n\r\nleft";
        for piece in 1..text.len() {
            let (body, left) = read(Framing::Chunked(Chunk::Size), text, piece).unwrap();
            assert_eq!(body, b"Wikipedia in \n");
            assert!(left >= 4, "bytes after the body stay in the buffer");
        }
    }

    #[test]
    fn a_body_that_was_cut_off_is_an_error() {
        let cut: [(Framing, &[u8]); 4] = [
            (Framing::Length(5), b"1234"),
            (Framing::Chunked(Chunk::Size), b"4\r\nWiki\r\n"),
            (Framing::Chunked(Chunk::Size), b"4\r\nWi"),
            (Framing::Chunked(Chunk::Size), b"4\r\nWiki\r\n0\r\n"),
        ];
        for (framing, text) in cut {
            assert_eq!(read(framing, text, 3), Err(Malformed::Truncated));
        }
    }

    #[test]
    fn chunk_lines_that_are_none_are_refused() {
        for text in
            [&b"\r\n"[..], b"g\r\n", b"4\nWiki", b"-1\r\n", b"+4\r\n", b"4\r\nWikiX\r\n", b"ffffffffffffffff\r\n"]
        {
            assert_eq!(read(Framing::Chunked(Chunk::Size), text, 64), Err(Malformed::Chunk), "{text:?}");
        }
        assert_eq!(read(Framing::Chunked(Chunk::Size), &[b'1'; 8192], 8192), Err(Malformed::Chunk));
    }

    #[test]
    fn a_length_leaves_what_follows() {
        assert_eq!(read(Framing::Length(3), b"abcdef", 6).unwrap(), (b"abc".to_vec(), 3));
        assert_eq!(read(Framing::UntilClose, b"abcdef", 2).unwrap(), (b"abcdef".to_vec(), 0));
    }
}
