//! Whose address a request comes from, also behind a load balancer.
//!
//! The rule it keeps: what `X-Forwarded-For` says is believed only as far as a trusted proxy wrote it, so nobody can
//! choose an address to be counted under.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use actix_web::http::header::{HeaderMap, HeaderName};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// One address, or a network in CIDR notation (`10.0.0.0/8`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u32,
}

impl FromStr for Network {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Network, Self::Err> {
        const WRONG: &str = "must be addresses such as 10.0.0.7 or networks such as 10.0.0.0/8, separated by commas";
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().map_err(|_| WRONG)?;
        let whole = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(whole), str::parse).ok().filter(|prefix| *prefix <= whole).ok_or(WRONG)?;
        Ok(Network { address, prefix })
    }
}

impl Network {
    fn holds(&self, address: IpAddr) -> bool {
        // What is shifted out whole leaves nothing to differ in.
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                (own.to_bits() ^ other.to_bits()).checked_shr(32 - self.prefix).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                (own.to_bits() ^ other.to_bits()).checked_shr(128 - self.prefix).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

/// The client's address: the connection's other end, or, as long as that is a trusted proxy, whom it names. A proxy
/// appends who asked it, so the last entry is the first to be read. One that names nobody is itself the client.
#[must_use]
pub fn address(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let trusts = |address: IpAddr| trusted.iter().any(|network| network.holds(address));
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

/// Some proxies add the port.
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
    fn what_an_untrusted_peer_says_is_not_believed() {
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
            // Nobody, or nothing that is an address: then it is the proxy that said so.
            (vec![], "10.0.0.1"),
            (vec!["203.0.113.7, unknown"], "10.0.0.1"),
            (vec!["203.0.113.7, nonsense, 10.1.1.1"], "10.1.1.1"),
            (vec!["10.1.1.1"], "10.1.1.1"),
        ] {
            assert_eq!(client("10.0.0.1", trusted, &said), counts, "{said:?}");
        }
        assert_eq!(client("::ffff:10.0.0.1", trusted, &["203.0.113.7"]), "203.0.113.7");
    }

    #[test]
    fn a_network_holds_its_addresses_and_no_other() {
        let holds = |network: &str, address: &str| networks(network)[0].holds(address.parse().unwrap());
        assert!(holds("10.0.0.7", "10.0.0.7") && !holds("10.0.0.7", "10.0.0.8"));
        assert!(holds("10.0.0.0/9", "10.127.0.1") && !holds("10.0.0.0/9", "10.128.0.1"));
        assert!(holds("0.0.0.0/0", "203.0.113.7") && !holds("0.0.0.0/0", "::1"));
        assert!(holds("2001:db8::/33", "2001:db8:7fff::1") && !holds("2001:db8::/33", "2001:db8:8000::1"));
        assert!(holds("::/0", "2001:db8::1"));
        for wrong in ["", "10.0.0", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "proxy.example"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }
}
