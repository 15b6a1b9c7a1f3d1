//! Whose address a request comes from, also behind a load balancer.
//!
//! The rule it keeps: an entry of `X-Forwarded-For` counts only if a trusted proxy wrote it, so that no client can
//! choose the address that its requests are counted for.

use std::net::{IpAddr, SocketAddr};

use access::Network;
use actix_web::http::header::{HeaderMap, HeaderName};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client's address: the connection's other end, or, as long as that is a trusted proxy, the address that it names.
/// A proxy appends its client, so the entries are read from the last one on. A proxy that names nobody is itself the
/// client.
#[must_use]
pub fn address(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let trusts = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = peer.to_canonical();
    if !trusts(client) {
        return client;
    }
    let values: Vec<&str> = headers.get_all(X_FORWARDED_FOR).map(|value| value.to_str().unwrap_or_default()).collect();
    let mut named = values.iter().rev().flat_map(|value| value.rsplit(',')).map(entry);
    while trusts(client)
        && let Some(Some(address)) = named.next()
    {
        client = address;
    }
    client
}

/// An address, which some proxies write with the port.
fn entry(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let address = text.parse().or_else(|_| text.parse().map(|socket: SocketAddr| socket.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn networks(text: &str) -> Vec<Network> {
        text.split(',').map(|one| one.parse().unwrap()).collect()
    }

    /// The address of a request from `peer` with these `X-Forwarded-For` headers.
    fn client(peer: &str, trusted: &str, said: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in said {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_str(value).unwrap());
        }
        address(peer.parse().unwrap(), &headers, &networks(trusted)).to_string()
    }

    #[test]
    fn what_an_untrusted_peer_says_does_not_count() {
        assert_eq!(client("198.51.100.1", "10.0.0.0/8", &["203.0.113.7"]), "198.51.100.1");
        assert_eq!(client("11.0.0.1", "10.0.0.0/8", &["10.0.0.1"]), "11.0.0.1");
    }

    #[test]
    fn behind_trusted_proxies_the_last_address_that_is_not_one_of_them_counts() {
        let trusted = "10.0.0.0/8,2001:db8::5";
        for (said, counts) in [
            (vec!["203.0.113.7"], "203.0.113.7"),
            // What the client itself wrote stands before what the proxy wrote.
            (vec!["6.6.6.6, 203.0.113.7"], "203.0.113.7"),
            (vec!["6.6.6.6", "203.0.113.7"], "203.0.113.7"),
            (vec!["10.0.0.9, 203.0.113.7"], "203.0.113.7"),
            (vec!["6.6.6.6, 203.0.113.7, 10.1.1.1", "10.2.2.2 ,2001:db8::5"], "203.0.113.7"),
            (vec!["203.0.113.7:4711"], "203.0.113.7"),
            (vec!["[2001:db8::9]:4711"], "2001:db8::9"),
            (vec!["::ffff:203.0.113.7"], "203.0.113.7"),
            // No entry, or one that is not an address: then the proxy itself is the client.
            (vec![], "10.0.0.1"),
            (vec!["203.0.113.7, unknown"], "10.0.0.1"),
            (vec!["203.0.113.7, nonsense, 10.1.1.1"], "10.1.1.1"),
            (vec!["10.1.1.1"], "10.1.1.1"),
        ] {
            assert_eq!(client("10.0.0.1", trusted, &said), counts, "{said:?}");
        }
        assert_eq!(client("::ffff:10.0.0.1", trusted, &["203.0.113.7"]), "203.0.113.7");
    }
}
