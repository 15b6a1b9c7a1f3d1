//! The `Authorization` header (RFC 6750). The rule: the scheme's case and the spaces around the token do not matter.

/// The token of `Bearer <token>`; `None` when the header has another scheme or no token.
#[must_use]
pub fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::bearer;

    #[test]
    fn only_a_bearer_scheme_carries_a_token() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bearer  abc "), Some("abc"));
        for value in ["Basic abc", "Bearer", "Bearer ", "Bearerabc", "", "abc", " abc"] {
            assert_eq!(bearer(value), None, "{value}");
        }
    }
}
