//! Where a request comes from: the client's address and what it says of itself.
//! The rule: the address is the one that the gateway wrote, which lets no client write it; without a gateway in front it is
//! the peer's. What a client says of itself is for people to read, and decides nothing.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::HttpRequest;
use actix_web::http::header::USER_AGENT;
use aide::OperationInput;

use crate::extracted::extracted;
use crate::headers::single;
use crate::problem::Problem;

/// Where a request comes from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The client's address.
    pub address: IpAddr,
    /// Its `User-Agent`; empty without one.
    pub device: String,
}

extracted!([] Origin, |request| origin(request));

fn origin(request: &HttpRequest) -> Result<Origin, Problem> {
    let written = single(request, "x-forwarded-for")?.and_then(|text| text.trim().parse().ok());
    let peer = || request.peer_addr().map(|peer| peer.ip());
    let device = request.headers().get(USER_AGENT).and_then(|text| text.to_str().ok()).unwrap_or_default();
    Ok(Origin {
        address: written.or_else(peer).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        device: device.to_owned(),
    })
}

impl OperationInput for Origin {}
