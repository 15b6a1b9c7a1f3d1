//! An e-mail address in the one spelling that is stored and compared.

use crate::malformed::Malformed;

/// 3 to 254 visible ASCII characters with one `@`, trimmed and in lower case. No provider in use tells addresses apart
/// by case, and an address that could be spelled two ways would be two accounts.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Trims an address, writes it in lower case and checks it.
    ///
    /// # Errors
    /// `Malformed` when it is not an address of that form.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let email = text.trim().to_ascii_lowercase();
        let refuse = |reason| Err(Malformed::new("e-mail address", reason));
        if !(3..=254).contains(&email.len()) {
            return refuse("must have 3 to 254 characters");
        }
        if !email.bytes().all(|byte| byte.is_ascii_graphic()) {
            return refuse("must consist of visible ASCII characters without spaces");
        }
        match email.split_once('@') {
            Some((local, domain)) if local.is_empty() || local.len() > 64 || !is_domain(domain) => {
                refuse("must have 1 to 64 characters before the @ and a domain after it")
            }
            Some(_) => Ok(Self(email)),
            None => refuse("must contain an @"),
        }
    }

    /// An address that somebody gives for an account or an invitation: one that stands in a message's header without quotes
    /// (RFC 5322, `dot-atom`), so that it is one recipient and nothing else.
    ///
    /// # Errors
    /// As [`Email::parse`], and for another character before the @.
    pub fn choose(text: &str) -> Result<Self, Malformed> {
        let email = Self::parse(text)?;
        let is_atom = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
        let local = email.0.split('@').next().unwrap_or_default();
        if local.split('.').all(|part| !part.is_empty() && part.bytes().all(is_atom)) {
            return Ok(email);
        }
        Err(Malformed::new(
            "e-mail address",
            "must have letters, digits, single dots and !#$%&'*+-/=?^_`{|}~ before the @",
        ))
    }
}

crate::text!(Email, {
    "type": "string",
    "minLength": 3, "maxLength": 254, "format": "email",
    "description": "3 to 254 visible ASCII characters with one `@`, trimmed and in lower case. No provider in use tells \
        addresses apart\nby case, and an address that could be spelled two ways would be two accounts.",
});

/// Labels of letters, digits and inner hyphens. One label is enough: a local network may have a mail domain of one label.
fn is_domain(text: &str) -> bool {
    text.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_spellings_are_one_address() {
        assert_eq!(Email::parse(" Ana@Example.COM ").unwrap(), Email::parse("ana@example.com").unwrap());
    }

    #[test]
    fn an_address_that_is_chosen_is_one_recipient() {
        for taken in ["a@b.c", "ana.maria+shop@b.c", "o'neil@b.c", "a_b-c@b.c"] {
            assert!(Email::choose(taken).is_ok(), "{taken}");
        }
        for refused in ["x,y@b.c", "<script>@b.c", "a;b@b.c", "\"a\"@b.c", ".a@b.c", "a..b@b.c", "a:b@b.c", "(a)@b.c"] {
            assert!(Email::choose(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_text_that_is_not_an_address_is_refused() {
        for refused in ["", "a", "a@", "@b.c", "a@b@c", "a b@c.d", "a@-b.c", "a@b..c", "ana@exämple.com", "a\n@b.c"] {
            assert!(Email::parse(refused).is_err(), "{refused:?}");
        }
        assert!(Email::parse(&format!("{}@b.c", "x".repeat(65))).is_err());
    }
}
