//! Searching by words: each word of the text has to be found, as the beginning of a word or, from three letters on, anywhere.
//! The rule: words are folded as the search text is (lower case, no marks), and every sign means itself.
//!
//! The search text of an item has its folded words between single spaces, with a space at both ends, so `% word%` finds
//! beginnings and `% word %` whole words; a trigram index serves all of these patterns.

use crate::condition::escaped;
use crate::sql::{Bound, Sql};

/// The most words that are searched for; the ones behind them are ignored.
pub(crate) const MOST_WORDS: usize = 10;
/// The shortest word in which a wrong letter is forgiven: in a shorter one it would find nearly everything.
const LEAST_FORGIVEN: usize = 4;
/// The longest one: a longer word would make a pattern of hundreds of ways.
const MOST_FORGIVEN: usize = 24;
/// From this length on a word is looked for inside of words, too. A shorter one has no trigram to be found by.
const LEAST_INSIDE: usize = 3;

/// The words that are searched for, folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Words(Vec<String>);

impl Words {
    /// The words of a folded text, which has spaces between them.
    pub(crate) fn of(folded: &str) -> Self {
        let words = folded.split(' ').filter(|word| !word.is_empty());
        Self(words.take(MOST_WORDS).map(str::to_owned).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a word is long enough for a wrong letter to be forgiven.
    pub(crate) fn can_forgive(&self) -> bool {
        self.0.iter().any(|word| is_forgiven(word))
    }

    /// The condition that every word is found in the search text.
    pub(crate) fn write_condition(&self, search: &str, forgiving: bool, sql: &mut Sql) -> String {
        let each = self.0.iter().map(|word| {
            if forgiving && is_forgiven(word) {
                return format!("{search} ~ {}", sql.bind(Bound::Text(one_letter_wrong(word))));
            }
            let pattern = if word.chars().count() >= LEAST_INSIDE {
                format!("%{}%", escaped(word))
            } else {
                format!("% {}%", escaped(word))
            };
            format!("{search} like {}", sql.bind(Bound::Text(pattern)))
        });
        each.collect::<Vec<_>>().join(" and ")
    }

    /// How well an item fits: whole words before beginnings of words, those before parts, and among equals what begins with
    /// the words.
    pub(crate) fn write_relevance(&self, search: &str, sql: &mut Sql) -> String {
        let whole = sql.bind(Bound::Text(format!(" {}%", escaped(&self.0.join(" ")))));
        let each = self.0.iter().map(|word| {
            let whole = sql.bind(Bound::Text(format!("% {} %", escaped(word))));
            let beginning = sql.bind(Bound::Text(format!("% {}%", escaped(word))));
            format!(" + case when {search} like {whole} then 4 when {search} like {beginning} then 2 else 0 end")
        });
        let each: String = each.collect();
        format!("((case when {search} like {whole} then 1 else 0 end){each})::bigint")
    }
}

fn is_forgiven(word: &str) -> bool {
    (LEAST_FORGIVEN..=MOST_FORGIVEN).contains(&word.chars().count())
}

/// The pattern of the words that begin as this one does but for one letter: another one in its place, one too many, one too
/// few, or two in the wrong order. The first letter is left out of a word that is long enough without it.
fn one_letter_wrong(word: &str) -> String {
    let letters: Vec<char> = word.chars().collect();
    let mut ways = std::collections::BTreeSet::from([word.to_owned()]);
    let text = |letters: &[char]| letters.iter().collect::<String>();
    for (index, _) in letters.iter().enumerate() {
        let (before, behind) = (text(&letters[..index]), text(&letters[index + 1..]));
        ways.insert(format!("{before}.{behind}"));
        if index > 0 || letters.len() > LEAST_FORGIVEN {
            ways.insert(format!("{before}{behind}"));
        }
        if index > 0 {
            ways.insert(format!("{before}.{}", text(&letters[index..])));
        }
        if let Some(next) = letters.get(index + 1) {
            ways.insert(format!("{before}{next}{}{}", letters[index], text(&letters[index + 2..])));
        }
    }
    // Letters and digits mean themselves in a regular expression; the text has a space before each word.
    format!(" ({})", ways.into_iter().collect::<Vec<_>>().join("|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_between_spaces_and_there_are_not_too_many() {
        assert_eq!(Words::of(" ao thun  do ").0, ["ao", "thun", "do"]);
        assert!(Words::of("  ").is_empty());
        assert_eq!(Words::of(&"x ".repeat(50)).0.len(), MOST_WORDS);
    }

    #[test]
    fn a_letter_too_many_in_front_is_forgiven_in_a_long_word() {
        let pattern = regex::Regex::new(&one_letter_wrong("xlamp")).unwrap();
        assert!(pattern.is_match(" lamp ") && !pattern.is_match(" lam "));
        assert!(!regex::Regex::new(&one_letter_wrong("lamp")).unwrap().is_match(" amp "));
    }

    #[test]
    fn a_word_with_one_letter_wrong_is_found_and_no_other() {
        let pattern = regex::Regex::new(&one_letter_wrong("lamp")).unwrap();
        for near in ["lamp", "lemp", "lam", "lap", "laamp", "lmap", "xamp", "lampshade", "lempshade"] {
            assert!(pattern.is_match(&format!(" red {near} ")), "{near}");
        }
        for far in ["la", "pmal", "lemb", "clamp", "palm"] {
            assert!(!pattern.is_match(&format!(" {far} ")), "{far}");
        }
    }
}
