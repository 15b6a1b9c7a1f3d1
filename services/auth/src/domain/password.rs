//! A password until it is hashed. It never prints and is never stored.
//! The rule: two spellings of the same characters are one password (NFC; NIST SP 800-63B, section 3.1.1.2), since keyboards
//! and systems differ in which they write.

use kernel::{Malformed, Secret};
use unicode_normalization::UnicodeNormalization as _;

/// A password as somebody typed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Password(Secret);

impl Password {
    /// The fewest characters of a new password.
    pub const SHORTEST: usize = 15;
    /// The most characters of any password: hashing a longer one costs time and gains nothing.
    pub const LONGEST: usize = 128;

    /// The characters that are weighed: what they are worth, the whole is worth at least. Weighing takes time that grows
    /// with the cube of the length.
    const WEIGHED: usize = 32;

    /// A password that somebody chooses: 15 to 128 characters of any kind (NIST SP 800-63B, section 3.1.1.2: there is no
    /// second factor). [`Password::check_choice`] is what else it must fulfil.
    ///
    /// # Errors
    /// `Malformed` when it is shorter or longer.
    pub fn choose(text: &str) -> Result<Self, Malformed> {
        let text = normalised(text);
        if (Self::SHORTEST..=Self::LONGEST).contains(&text.chars().count()) {
            return Ok(Self(Secret::new(text)));
        }
        Err(Malformed::new("password", "must have 15 to 128 characters"))
    }

    /// Checks a password that somebody chooses: it has the length of one, and is none that many people choose or that is made
    /// of a few of those. The names of the person and of what they work for count as words that many choose. It takes as long
    /// as some milliseconds, so it is not for a thread that serves requests.
    ///
    /// # Errors
    /// `Malformed` when it is too short, too long or easily guessed; the message does not repeat it.
    pub fn check_choice(&self, names: &[&str]) -> Result<(), Malformed> {
        let text = self.0.expose();
        Self::choose(text)?;
        let words = names.iter().flat_map(|name| name.split(|character: char| !character.is_alphanumeric()));
        let words: Vec<&str> = names.iter().copied().chain(words).filter(|word| !word.is_empty()).collect();
        let weighed: String = text.chars().take(Self::WEIGHED).collect();
        if is_made_of(text, &words) || zxcvbn::zxcvbn(&weighed, &words).score() < zxcvbn::Score::Three {
            return Err(Malformed::new(
                "password",
                "is easily guessed: it is common, or made of common words, names, repetitions or sequences",
            ));
        }
        Ok(())
    }

    /// A password that somebody logs in with: it is right or wrong, so only its length is bounded.
    ///
    /// # Errors
    /// `Malformed` when it is empty or longer than 128 characters.
    pub fn present(text: &str) -> Result<Self, Malformed> {
        let text = normalised(text);
        match text.chars().count() {
            1..=Self::LONGEST => Ok(Self(Secret::new(text))),
            _ => Err(Malformed::new("password", "must have 1 to 128 characters")),
        }
    }

    /// The bytes of the password; only hashing needs them.
    pub(crate) fn expose(&self) -> &[u8] {
        self.0.expose().as_bytes()
    }
}

/// In Normalisation Form C.
fn normalised(text: &str) -> String {
    text.nfc().collect()
}

/// Whether it has one of the words, and they leave fewer than four letters of it: a name with a year.
fn is_made_of(text: &str, words: &[&str]) -> bool {
    let known = words.iter().filter(|word| word.chars().count() >= 3);
    let text = text.to_lowercase();
    let rest = known.fold(text.clone(), |rest, word| rest.replace(&word.to_lowercase(), ""));
    rest != text && rest.chars().filter(|character| character.is_alphabetic()).count() < 4
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str, names: &[&str]) -> Result<(), Malformed> {
        Password::choose(text)?.check_choice(names)
    }

    #[test]
    fn a_new_password_is_long_and_has_different_characters() {
        for refused in [
            "",
            "short",
            "fourteen chars",
            "aaaaaaaaaaaaaaaa",
            "password12345678",
            "123456789012345",
            "qwertyuiop[]asdf",
            "iloveyouiloveyou",
            "passwordpassword",
            &"xyzab".repeat(25),
            &"x".repeat(129),
        ] {
            assert!(checked(refused, &[]).is_err(), "{refused:?}");
        }
        assert!(checked("vasbrikolunetam", &[]).is_ok());
        assert!(checked("vasbrikolunetam", &["vasbrikolunetam"]).is_err(), "names are known");
        assert!(checked("Vasbrik-Olunet-2024", &["Vasbrik Olunet"]).is_err(), "and so are their words");
        assert!(checked("839-2017-4856-21", &["Vasbrik Olunet"]).is_ok(), "no word of it");
        assert!(checked("correct horse battery", &[]).is_ok());
        assert!(checked("mật khẩu rất dài", &[]).is_ok(), "any character counts");
        assert!(Password::present("short").unwrap().check_choice(&[]).is_err(), "also one that was only presented");
    }

    #[test]
    fn two_spellings_of_one_password_are_the_same() {
        let (composed, decomposed) =
            ("mật khẩu rất dài", "ma\u{323}\u{302}t kha\u{302}\u{309}u ra\u{302}\u{301}t da\u{300}i");
        assert_ne!(composed, decomposed);
        assert_eq!(Password::choose(composed).unwrap(), Password::present(decomposed).unwrap());
    }

    #[test]
    fn a_password_never_prints() {
        let password = Password::choose("correct horse battery").unwrap();
        assert!(!format!("{password:?}").contains("horse"));
        assert!(!password.check_choice(&["correct horse battery"]).unwrap_err().to_string().contains("horse"));
    }
}
