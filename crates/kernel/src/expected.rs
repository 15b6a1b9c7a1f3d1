//! The versions that a thing may be in for a change to be made.
//! The rule: whoever changes a thing says which version of it he has seen.

/// What a changer expects of the version that a thing has now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Whatever version it has.
    Any,
    /// One of these; none when the list is empty.
    OneOf(Vec<i64>),
}

impl Expected {
    /// Whether a thing in this version may be changed.
    #[must_use]
    pub fn includes(&self, version: i64) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(versions) => versions.contains(&version),
        }
    }
}

impl From<i64> for Expected {
    fn from(version: i64) -> Self {
        Self::OneOf(vec![version])
    }
}

#[cfg(test)]
mod tests {
    use super::Expected;

    #[test]
    fn only_versions_that_are_named_are_expected_unless_any_will_do() {
        assert!(Expected::Any.includes(7));
        assert!(Expected::from(7).includes(7) && !Expected::from(7).includes(6));
        assert!(Expected::OneOf(vec![6, 7]).includes(7));
        assert!(!Expected::OneOf(Vec::new()).includes(7));
    }
}
