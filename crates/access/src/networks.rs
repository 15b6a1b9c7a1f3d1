//! Networks of addresses, as operators and owners of API keys write them. The rule: an IPv4 address that is written as
//! IPv6 is the IPv4 address.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use kernel::Malformed;

/// One address, or a network of them in CIDR notation (`10.0.0.0/8`).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

impl Network {
    /// Whether the address is in the network.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// Whether all addresses of the other network are in this one.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.0.contains(&other.0)
    }
}

impl FromStr for Network {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let unreadable = || Malformed::new("network", "must be an address (10.0.0.7) or a network (10.0.0.0/8)");
        let Some((_, bits)) = text.split_once('/') else {
            let address: IpAddr = text.parse().map_err(|_| unreadable())?;
            return Ok(Self(address.to_canonical().into()));
        };
        let network: IpNet = text.parse().map_err(|_| unreadable())?;
        // What can be read in two ways is refused: 08 is no number to some, and 10.0.0.7/8 is one address to others.
        if bits.len() > 1 && bits.starts_with('0') {
            return Err(unreadable());
        }
        if network != network.trunc() {
            return Err(Malformed::new("network", format!("must begin with its first address: {}", network.trunc())));
        }
        // Addresses are compared as IPv4 where they are, so such a network would hold nobody.
        if network.addr().to_canonical() != network.addr() {
            return Err(Malformed::new("network", "must write IPv4 addresses as such, not as ::ffff:…"));
        }
        Ok(Self(network))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_its_addresses_and_no_other() {
        let holds = |network: &str, address: &str| {
            network.parse::<Network>().unwrap().contains(address.parse::<IpAddr>().unwrap())
        };
        assert!(holds("10.0.0.7", "10.0.0.7") && !holds("10.0.0.7", "10.0.0.8"));
        assert!(holds("10.0.0.0/9", "10.127.0.1") && !holds("10.0.0.0/9", "10.128.0.1"));
        assert!(holds("0.0.0.0/0", "203.0.113.7") && !holds("0.0.0.0/0", "::1"));
        assert!(holds("2001:db8::/33", "2001:db8:7fff::1") && !holds("2001:db8::/33", "2001:db8:8000::1"));
        assert!(holds("::/0", "2001:db8::1"));
        assert!(holds("10.0.0.0/8", "::ffff:10.0.0.7"));
        let covers = |network: &str, other: &str| network.parse::<Network>().unwrap().covers(&other.parse().unwrap());
        assert!(covers("10.0.0.0/8", "10.1.0.0/16") && covers("10.0.0.0/8", "10.0.0.0/8"));
        assert!(!covers("10.1.0.0/16", "10.0.0.0/8") && !covers("10.0.0.0/8", "::/0"));
        for wrong in [
            "",
            "10.0.0",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/",
            "10.0.0.0/-1",
            "10.0.0.0/08",
            "10.0.0.0/+8",
            "10.0.0.7/8",
            "2001:db8::1/32",
            "::ffff:10.0.0.0/104",
            "proxy.example",
        ] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
        assert!("10.0.0.7/8".parse::<Network>().unwrap_err().to_string().contains("10.0.0.0/8"));
        assert!(holds("::ffff:10.0.0.7", "10.0.0.7"));
    }
}
