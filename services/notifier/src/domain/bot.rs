//! Which bot the service speaks as.
//! The rule: of its token only the number before the colon is kept, which is no secret.

/// The id of a bot. What it has read is kept by it, because another bot's updates have other numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BotId(String);

impl BotId {
    /// The id in a token. A text of another form is no token that Telegram knows, and stands for the bot without an id.
    #[must_use]
    pub fn of_token(token: &str) -> Self {
        let number = token
            .split_once(':')
            .map(|(number, _)| number)
            .filter(|number| (1..=20).contains(&number.len()) && number.bytes().all(|sign| sign.is_ascii_digit()));
        Self(number.unwrap_or("bot").to_owned())
    }

    /// The id, for SQL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_the_number_of_the_token_and_never_a_part_of_its_secret() {
        assert_eq!(BotId::of_token("1000001:secret").as_str(), "1000001");
        for other in ["secret", "secret:1", ":secret", "", "123456789012345678901:secret"] {
            assert_eq!(BotId::of_token(other).as_str(), "bot", "{other}");
        }
    }
}
