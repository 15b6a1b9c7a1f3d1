//! Telegram's HTML: which tags it takes, and what it says about text that it cannot parse.

/// The tags of `parse_mode: HTML`.
const TAGS: [&str; 15] = [
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

/// The text that a reader would see.
///
/// # Errors
/// The end of Telegram's description "can't parse entities: …".
pub(super) fn visible(text: &str) -> Result<String, String> {
    let mut seen = String::new();
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text;
    let offset = |rest: &str| text.len() - rest.len();
    while let Some(at) = rest.find('<') {
        seen.push_str(&rest[..at]);
        let from = &rest[at + 1..];
        let Some(end) = from.find('>') else {
            return Err(format!("Unclosed start tag at byte offset {}", offset(rest) + at));
        };
        let inside = &from[..end];
        let (closes, name) = inside.strip_prefix('/').map_or((false, inside), |name| (true, name));
        let name = name.split([' ', '\n']).next().unwrap_or_default();
        if !TAGS.contains(&name) {
            return Err(format!("Unsupported start tag \"{name}\" at byte offset {}", offset(rest) + at));
        }
        if !closes {
            open.push(name);
        } else if open.pop() != Some(name) {
            return Err(format!("Unmatched end tag at byte offset {}", offset(rest) + at));
        }
        rest = &from[end + 1..];
    }
    if let Some(name) = open.last() {
        return Err(format!("Can't find end tag corresponding to start tag \"{name}\""));
    }
    seen.push_str(rest);
    Ok(seen.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&"))
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn tags_are_taken_away_and_entities_are_read() {
        assert_eq!(visible("<b>Order</b> <a href=\"x\">5 &lt; 6 &amp; 7</a>").unwrap(), "Order 5 < 6 & 7");
    }

    #[test]
    fn what_telegram_refuses_is_refused() {
        for text in ["a < b", "<b>open", "<div>x</div>", "<b>x</i>", "<b"] {
            assert!(visible(text).is_err(), "{text}");
        }
    }
}
