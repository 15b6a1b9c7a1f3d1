//! What tells one type of problem from another (RFC 9457). The rule: nothing in it depends on a request.

/// A type of problem: its URI is `/problems/<slug>` and its status never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProblemType {
    slug: &'static str,
    status: u16,
    title: &'static str,
}

impl ProblemType {
    /// `slug` is kebab-case, `status` 400 to 599, `title` a short sentence without a full stop.
    #[must_use]
    pub const fn new(slug: &'static str, status: u16, title: &'static str) -> Self {
        Self { slug, status, title }
    }

    /// The kebab-case name.
    #[must_use]
    pub const fn slug(&self) -> &'static str {
        self.slug
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// What this kind of problem is, in words that never depend on the request.
    #[must_use]
    pub const fn title(&self) -> &'static str {
        self.title
    }

    /// `/problems/<slug>`.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("/problems/{}", self.slug)
    }
}
