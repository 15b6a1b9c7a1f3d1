//! What the `type` of a problem leads to: a few lines that say what to do.
//! The rule: they are the row of `docs/errors.md`, so that the page and the document cannot differ.

/// The document. A test holds it to be the list of all problem types.
const DOCUMENT: &str = include_str!("../../../docs/errors.md");

/// The page at `/problems/<slug>` as plain text; none for a type that nobody answers with.
#[must_use]
pub fn problem_page(slug: &str) -> Option<String> {
    let (status, advice) = rows().find(|row| row.0 == slug).map(|row| (row.1, row.2))?;
    Some(format!(
        "/problems/{slug}\nHTTP status: {status}\nWhat to do: {advice}\n\n\
         The texts of a reply say more: `detail`, and `errors` where fields are at fault.\n\
         The API is described at /docs.\n"
    ))
}

/// The slug of every problem type, in the document's order.
pub fn problem_slugs() -> impl Iterator<Item = &'static str> {
    rows().map(|row| row.0)
}

/// Slug, status and advice of each row of the document's tables.
fn rows() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    DOCUMENT.lines().filter_map(|line| {
        let (slug, rest) = line.strip_prefix("| `/problems/")?.split_once("` | ")?;
        let (status, advice) = rest.strip_suffix(" |")?.split_once(" | ")?;
        Some((slug, status, advice))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_of_this_crate_leads_to_its_status_and_to_advice() {
        for kind in crate::problems::ALL {
            let page = problem_page(kind.slug()).unwrap_or_default();
            assert!(page.contains(&format!("HTTP status: {}\nWhat to do: ", kind.status())), "{}: {page}", kind.slug());
        }
        assert_eq!(problem_page("no-such-problem"), None);
        assert_eq!(problem_page(""), None);
    }
}
