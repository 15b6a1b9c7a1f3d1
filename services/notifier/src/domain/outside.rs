//! Text from outside - names, SKUs, references, reasons - as a harmless part of a message in Telegram's HTML.
//! The rule: it says what it said, in one line, and does nothing. What Telegram could take for a link, a mention, a command
//! or a number to call stands in `<code>`, where it looks for none.

use unicode_segmentation::UnicodeSegmentation;

/// What is left of one letter. Unicode's stream-safe text has at most 30 marks on a letter, and the longest emoji has ten
/// characters; what is longer is no letter of any language.
const LONGEST_LETTER: usize = 32;
/// Digits in a text from which on somebody's telephone offers to call it.
const DIGITS_TO_CALL: usize = 5;

/// The text as HTML, cut to `longest` characters. A letter with its marks and a joined emoji stay whole or go.
pub(super) fn outside(text: &str, longest: usize) -> String {
    let text = escaped(&direction_kept(cut(&visible(text), longest)));
    if is_inert(&text) { text } else { format!("<code>{text}</code>") }
}

/// The text with a space for everything that breaks a line, turns its direction or cannot be seen.
fn visible(text: &str) -> String {
    let mut visible = String::with_capacity(text.len().min(4_096));
    for letter in text.graphemes(true) {
        let flag = letter.starts_with('🏴');
        let joined = letter.chars().any(|sign| !is_hidden(sign) && !is_joiner(sign) && !is_tag(sign));
        for sign in letter.chars().take(LONGEST_LETTER) {
            // Joiners make one emoji of several and join the letters of some scripts; tags make the flag of a region.
            let kept = !is_hidden(sign) && (joined || !is_joiner(sign)) && (flag || !is_tag(sign));
            visible.push(if kept { sign } else { ' ' });
        }
    }
    visible.trim().to_owned()
}

fn is_hidden(sign: char) -> bool {
    sign.is_control()
        || matches!(sign,
            '\u{AD}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{180E}' | '\u{3164}' | '\u{FEFF}' | '\u{FFA0}'
            | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{FFF9}'..='\u{FFFB}')
}

fn is_joiner(sign: char) -> bool {
    matches!(sign, '\u{200C}' | '\u{200D}')
}

fn is_tag(sign: char) -> bool {
    matches!(sign, '\u{E0000}'..='\u{E007F}')
}

/// At most `longest` characters; what was cut ends with an ellipsis, which is one of them.
fn cut(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let mut left = longest.saturating_sub(1);
    let whole = text.graphemes(true).take_while(|letter| {
        let length = letter.chars().count();
        let fits = length <= left;
        left = left.saturating_sub(length);
        fits
    });
    let kept: String = whole.collect();
    format!("{}…", kept.trim_end())
}

/// What is written from right to left is isolated, so that it does not carry along the figures beside it.
fn direction_kept(text: String) -> String {
    let from_right_to_left = text.chars().any(|sign| {
        matches!(sign, '\u{590}'..='\u{8FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFE}'
            | '\u{10800}'..='\u{10FFF}' | '\u{1E800}'..='\u{1EFFF}')
    });
    if from_right_to_left { format!("\u{2068}{text}\u{2069}") } else { text }
}

/// The text as HTML that shows it.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Whether there is nothing in it that Telegram could make live: letters, spaces and few digits, and signs of which no
/// link, mention, command, tag or number is made.
fn is_inert(text: &str) -> bool {
    let harmless = |sign: char| {
        sign.is_alphanumeric() || matches!(sign, ' ' | '-' | '\'' | '(' | ')' | ',' | '…' | '\u{2068}' | '\u{2069}')
    };
    text.chars().all(harmless) && text.chars().filter(|sign| sign.is_numeric()).count() < DIGITS_TO_CALL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_can_neither_break_a_line_nor_turn_the_message_around() {
        assert_eq!(outside("a\r\nb\u{202E}c\u{200B}d\0", 40), "a  b c d");
        assert_eq!(outside("a\u{2066}b\u{61C}c\u{2028}d", 40), "a b c d");
        assert_eq!(outside(&"x".repeat(50), 10), format!("{}…", "x".repeat(9)));
        assert_eq!(outside("שלום 3", 40), "\u{2068}שלום 3\u{2069}");
    }

    #[test]
    fn what_could_come_alive_stands_in_code_and_says_what_it_said() {
        for live in [
            "http://evil.example @all /cancel",
            "evil.example",
            "tg://resolve?domain=x",
            "@all",
            "/cancel",
            "#sale",
            "$USD",
            "mailto:a@b.example",
            "call 0123 456",
            "١٢٣٤٥٦",
        ] {
            let isolated = direction_kept(live.to_owned());
            assert_eq!(outside(live, 64), format!("<code>{isolated}</code>"));
        }
        assert_eq!(outside("</code><b>&lt;", 40), "<code>&lt;/code&gt;&lt;b&gt;&amp;lt;</code>");
        for plain in ["TEA-1", "Trà Việt (tra-viet)", "web-17", "寿司, two"] {
            assert_eq!(outside(plain, 40), plain);
        }
    }

    #[test]
    fn a_letter_and_a_joined_emoji_are_shown_whole_or_not_at_all() {
        let letters = ["👨‍👩‍👧‍👦", "🇻🇳", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "👍🏽", "1️⃣", "❤️‍🔥", "👩🏻‍❤️‍💋‍👨🏿", "e\u{301}\u{323}", "क्‍ष"];
        for letter in letters {
            assert!(outside(letter, 40).contains(letter), "{letter} is whole where it fits");
            let text = letter.repeat(30);
            for longest in 1..60 {
                let shown = outside(&text, longest).replace("<code>", "").replace("</code>", "");
                let whole = shown.strip_suffix('…').unwrap();
                assert_eq!(whole.replace(letter, ""), "", "{letter} is cut at {longest}: {shown}");
                assert!(shown.chars().count() <= longest);
            }
        }
    }

    #[test]
    fn ten_thousand_characters_are_no_more_than_the_first_of_them() {
        let marks = format!("a{}", "\u{301}".repeat(10_000));
        assert_eq!(outside(&marks, 40).chars().filter(|sign| *sign == '\u{301}').count(), LONGEST_LETTER - 1);
        assert_eq!(outside(&"\u{200D}".repeat(10_000), 40), "");
        assert_eq!(outside(&" ".repeat(10_000), 40), "");
        assert_eq!(outside(&"<".repeat(10_000), 10), format!("<code>{}…</code>", "&lt;".repeat(9)));
    }
}
