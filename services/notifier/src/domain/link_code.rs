//! The code that links a chat to a destination, or an account to a person, once.
//! The rule: only its hash is stored. It follows from what it links and from the token of the bot, so that a request which is
//! repeated shows it again, and nobody without that token can know it.

use std::fmt;

use aws_lc_rs::{digest, hmac};
use kernel::{ChatLinkId, DestinationId};

use super::WebhookSecret;

/// Letters and digits that nobody takes for another one, five bits each.
const SIGNS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// How many of them a code has: 60 bits.
const LENGTH: usize = 12;

/// Makes codes.
#[derive(Clone)]
pub struct LinkCodes(hmac::Key);

impl LinkCodes {
    /// For the bot with this token.
    #[must_use]
    pub fn of_bot(token: &str) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, token.as_bytes());
        let tag = hmac::sign(&root, b"notifier: codes that link chats");
        Self(hmac::Key::new(hmac::HMAC_SHA256, tag.as_ref()))
    }

    /// The code of a person's link.
    #[must_use]
    pub fn of_person(&self, chat_link: ChatLinkId) -> LinkCode {
        let mut context = hmac::Context::with_key(&self.0);
        // A destination's code is made of its id alone, so none is equal to one of these.
        context.update(b"person");
        context.update(chat_link.uuid().as_bytes());
        LinkCode::of_tag(&context.sign())
    }

    /// The secret that a new webhook gets. It is stored, so that another token of the bot leaves it as it is.
    #[must_use]
    pub fn secret_of(&self, destination: DestinationId) -> WebhookSecret {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"webhook");
        context.update(destination.uuid().as_bytes());
        WebhookSecret::of_bytes(context.sign().as_ref())
    }

    /// The code of a destination.
    #[must_use]
    pub fn of(&self, destination: DestinationId) -> LinkCode {
        LinkCode::of_tag(&hmac::sign(&self.0, destination.uuid().as_bytes()))
    }
}

impl fmt::Debug for LinkCodes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("LinkCodes([redacted])")
    }
}

/// A code; it prints as `[redacted]`.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkCode(String);

impl LinkCode {
    fn of_tag(tag: &hmac::Tag) -> Self {
        let sign = |byte: &u8| char::from(SIGNS[usize::from(byte % 32)]);
        Self(tag.as_ref().iter().take(LENGTH).map(sign).collect())
    }

    /// Reads what somebody typed: with or without hyphens, in either case. `None` for what is no code.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let signs: String = text.chars().filter(|sign| *sign != '-').map(|sign| sign.to_ascii_uppercase()).collect();
        let known = |sign: u8| SIGNS.contains(&sign);
        (signs.len() == LENGTH && signs.bytes().all(known)).then_some(Self(signs))
    }

    /// As people read it: `ABCD-EFGH-JKMN`.
    #[must_use]
    pub fn text(&self) -> String {
        let parts: Vec<&str> = [0..4, 4..8, 8..12].into_iter().filter_map(|part| self.0.get(part)).collect();
        parts.join("-")
    }

    /// What is stored of it.
    #[must_use]
    pub fn hash(&self) -> Vec<u8> {
        digest::digest(&digest::SHA256, self.0.as_bytes()).as_ref().to_vec()
    }
}

impl fmt::Debug for LinkCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("LinkCode([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it_and_belongs_to_one_destination_and_bot() {
        let (one, other) = (DestinationId::new(), DestinationId::new());
        let codes = LinkCodes::of_bot("1:secret");
        let code = codes.of(one);
        assert_eq!(code, LinkCodes::of_bot("1:secret").of(one));
        assert_ne!(code.text(), codes.of(other).text());
        assert_ne!(code.text(), LinkCodes::of_bot("2:secret").of(one).text());
        for typed in [code.text(), code.text().to_lowercase(), code.text().replace('-', "")] {
            assert_eq!(LinkCode::parse(&typed).map(|code| code.hash()), Some(code.hash()), "{typed}");
        }
        for wrong in ["", "ABCD", "ABCD-EFGH-JKMI", "ABCD-EFGH-JKMN-P", "ÄBCD-EFGH-JKM"] {
            assert!(LinkCode::parse(wrong).is_none(), "{wrong}");
        }
        assert!(!format!("{codes:?} {code:?}").contains(&code.0));
    }
}
