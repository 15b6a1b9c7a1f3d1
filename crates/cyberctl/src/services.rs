//! The internal ports of the services, and the HTTP calls to them.

use std::time::Duration;

use crate::error::Error;

/// One replica of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Replica {
    pub(crate) service: String,
    /// Without a slash at the end.
    pub(crate) address: String,
}

/// Parses `order=http://127.0.0.1:9104,order=http://…`.
pub(crate) fn replicas(text: &str) -> Result<Vec<Replica>, Error> {
    text.split([',', ' ', '\n'])
        .filter(|entry| !entry.is_empty())
        .map(|entry| match entry.split_once('=') {
            Some((service, address)) if !service.is_empty() && address.starts_with("http") => {
                Ok(Replica { service: service.to_owned(), address: address.trim_end_matches('/').to_owned() })
            }
            _ => Err(Error::Malformed {
                what: format!("SERVICES_INTERNAL ({entry})"),
                reason: "every entry is service=http://host:port".to_owned(),
            }),
        })
        .collect()
}

/// A client that waits at most `limit` for an answer.
pub(crate) fn client(limit: Duration) -> Result<reqwest::Client, Error> {
    reqwest::Client::builder()
        .connect_timeout(limit.min(Duration::from_secs(3)))
        .timeout(limit)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| Error::Malformed { what: "the HTTP client".to_owned(), reason: error.to_string() })
}

/// Sends a request; its answer's status and body.
pub(crate) async fn answer(request: reqwest::RequestBuilder, address: &str) -> Result<(u16, String), Error> {
    let unreachable = |error: reqwest::Error| Error::Unreachable {
        address: address.to_owned(),
        // The innermost cause is the useful one: "connection refused".
        cause: innermost(&error.without_url()),
    };
    let response = request.send().await.map_err(unreachable)?;
    let status = response.status().as_u16();
    Ok((status, response.text().await.map_err(unreachable)?))
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(cause) = error.source() {
        error = cause;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_may_have_several_replicas() {
        let read = replicas("order=http://127.0.0.1:1/, order=http://127.0.0.1:2,auth=http://a:3").unwrap();
        let pairs: Vec<_> = read.iter().map(|it| (it.service.as_str(), it.address.as_str())).collect();
        assert_eq!(pairs, [("order", "http://127.0.0.1:1"), ("order", "http://127.0.0.1:2"), ("auth", "http://a:3")]);
        for bad in ["order", "=http://a", "order=127.0.0.1:1"] {
            assert!(replicas(bad).is_err(), "{bad}");
        }
    }
}
