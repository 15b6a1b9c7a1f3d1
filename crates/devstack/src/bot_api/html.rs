//! Telegram's HTML: what a message shows, what of it comes alive, and what is refused.
//! The rule: what is refused is refused with Telegram's words, and nothing in `<code>` or `<pre>` comes alive.

/// What Telegram shows of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shown {
    /// Without tags and escapes.
    pub(super) text: String,
    /// The links, mentions, commands and tags that Telegram finds in it.
    pub(super) live: Vec<String>,
    /// Where the links lead that it was marked with.
    pub(super) links: Vec<String>,
}

/// Tags that Telegram knows.
const TAGS: &[&str] = &[
    "a",
    "b",
    "blockquote",
    "code",
    "del",
    "em",
    "i",
    "ins",
    "pre",
    "s",
    "span",
    "strike",
    "strong",
    "tg-spoiler",
    "u",
];
/// Marks of one message that Telegram keeps; what stood in a later one is as if it were not marked.
const MOST_MARKS: usize = 100;
/// Stands for marked text while what is live is looked for.
const SEPARATOR: char = '\u{0}';

/// Text that was sent without a mode.
pub(super) fn plain(text: &str) -> Shown {
    Shown { text: text.trim().to_owned(), live: live(text), links: Vec::new() }
}

/// Text that was sent as HTML. The error is Telegram's description.
pub(super) fn parse(html: &str) -> Result<Shown, String> {
    let (mut text, mut unmarked) = (String::new(), String::new());
    let mut open: Vec<String> = Vec::new();
    let mut links = Vec::new();
    let (mut marks, mut rest) = (0, html);
    while let Some(sign) = rest.chars().next() {
        let offset = html.len() - rest.len();
        if sign == '<' {
            let Some(end) = rest.find('>') else {
                return Err(format!("can't parse entities: Unclosed start tag at byte offset {offset}"));
            };
            let tag = &rest[1..end];
            if let Some(name) = tag.strip_prefix('/') {
                if open.pop().as_deref() != Some(name) {
                    return Err(format!("can't parse entities: Unmatched end tag at byte offset {offset}"));
                }
                unmarked.push(SEPARATOR);
            } else {
                let name = tag.split_whitespace().next().unwrap_or_default().to_lowercase();
                if !TAGS.contains(&name.as_str()) {
                    return Err(format!(
                        "can't parse entities: Unsupported start tag \"{name}\" at byte offset {offset}"
                    ));
                }
                links.extend(address(tag).filter(|_| name == "a"));
                open.push(name);
                marks += 1;
                unmarked.push(SEPARATOR);
            }
            rest = &rest[end + 1..];
            continue;
        }
        let (shown, length) = unescaped(rest).unwrap_or((sign, sign.len_utf8()));
        text.push(shown);
        let marked = marks <= MOST_MARKS && open.iter().any(|tag| tag == "code" || tag == "pre");
        if !marked {
            unmarked.push(shown);
        }
        rest = &rest[length..];
    }
    match open.pop() {
        Some(tag) => Err(format!("can't parse entities: Can't find end tag corresponding to start tag \"{tag}\"")),
        None => Ok(Shown { text: text.trim().to_owned(), live: live(&unmarked), links }),
    }
}

/// Where a link leads, by its start tag.
fn address(tag: &str) -> Option<String> {
    let (address, _) = tag.split_once("href=\"")?.1.split_once('"')?;
    Some(address.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&"))
}

/// The sign that an escape at the start of the text stands for, and the length of the escape.
fn unescaped(text: &str) -> Option<(char, usize)> {
    [("&lt;", '<'), ("&gt;", '>'), ("&amp;", '&'), ("&quot;", '"')]
        .into_iter()
        .find_map(|(escape, sign)| text.starts_with(escape).then_some((sign, escape.len())))
}

/// Roughly what Telegram finds: links, mentions, commands, hash tags and cash tags.
fn live(text: &str) -> Vec<String> {
    let between = |sign: char| sign.is_whitespace() || sign == SEPARATOR || "“”«»()<>\"',;".contains(sign);
    text.split(between).filter(|word| is_live(word)).map(str::to_owned).collect()
}

fn is_live(word: &str) -> bool {
    let names = |sign: char| sign.is_alphanumeric() || sign == '_';
    let begins = word.strip_prefix(['/', '#', '$']).is_some_and(|rest| rest.starts_with(names));
    let mentions = word.split('@').skip(1).any(|rest| rest.starts_with(names));
    let parts: Vec<&str> = word.split('.').collect();
    let is_address = parts.windows(2).any(|pair| {
        let ending: String = pair[1].chars().take_while(|sign| sign.is_alphabetic()).collect();
        pair[0].ends_with(names) && ending.chars().count() >= 2
    });
    begins || mentions || is_address || word.contains("://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_marked_as_code_is_shown_and_does_nothing() {
        let shown = parse("“<code>http://evil.example @all /cancel &lt;b&gt;</code>” of a.example").unwrap();
        assert_eq!(shown.text, "“http://evil.example @all /cancel <b>” of a.example");
        assert_eq!(shown.live, ["a.example"]);
        let linked = parse("<a href=\"https://a.example/?b&amp;c\">order 7</a>").unwrap();
        assert_eq!((linked.text.as_str(), linked.links), ("order 7", vec!["https://a.example/?b&c".to_owned()]));
    }

    #[test]
    fn links_mentions_commands_and_tags_come_alive_and_amounts_do_not() {
        let text = "http://x @all /cancel #sale $USD a@b.example tg://resolve";
        assert_eq!(plain(text).live, text.split(' ').collect::<Vec<_>>());
        assert_eq!(plain("🛒 Placed: 1,499.00 USD · 1 line, 3 units · ord_01h455 … and 5 more").live, [""; 0]);
    }

    #[test]
    fn a_mark_behind_the_hundredth_is_none() {
        assert!(parse(&"<code>@all</code> ".repeat(100)).unwrap().live.is_empty());
        assert_eq!(parse(&"<code>@all</code> ".repeat(101)).unwrap().live, ["@all"]);
    }

    #[test]
    fn bad_markup_is_refused_with_telegrams_words() {
        for (html, words) in [
            ("a <c>", "Unsupported start tag \"c\" at byte offset 2"),
            ("<b>a", "Can't find end tag corresponding to start tag \"b\""),
            ("<b>a</i>", "Unmatched end tag at byte offset 4"),
            ("a < b", "Unclosed start tag at byte offset 2"),
        ] {
            assert_eq!(parse(html).unwrap_err(), format!("can't parse entities: {words}"));
        }
    }
}
