//! A gateway under test: the production server and workers, with addresses, keys and limits given by the test.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use ::access::{ApiKeys, Network, Organisations, Role, Standings};
use gateway::identity::Identity;
use gateway::limits::Allowances;
use gateway::routes::Service;
use gateway::server;
use gateway::upstream::Address;
use gateway::worker::{Behaviour, Shared};
use kernel::OrganisationId;
use rest::server::Pace;
use testkit::{Client, Mint, Working};

/// Nothing listens there: limits decide alone.
pub(crate) const NO_REDIS: &str = "redis://127.0.0.1:1";
pub(crate) const UNLIMITED: Allowances =
    Allowances { address: 0, organisation: 0, login: 0, per: Duration::from_secs(60) };

/// A server on a free port that serves until it is stopped or dropped.
pub(crate) struct Served {
    address: SocketAddr,
    working: Working,
}

impl Served {
    pub(crate) fn start(workers: usize, shared: Shared) -> Served {
        let server = server::bind(([127, 0, 0, 1], 0).into(), workers, shared).unwrap();
        Served { address: server.address(), working: Working::start(|stop| server.run(stop)) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) async fn stop(self) {
        self.working.stop(Duration::from_secs(30)).await;
    }
}

pub(crate) struct Gateway {
    pub(crate) server: Served,
    pub(crate) mint: Mint,
    pub(crate) organisations: Organisations,
    pub(crate) standings: Standings,
    pub(crate) api_keys: ApiKeys,
    pub(crate) organisation: OrganisationId,
}

/// What a test may change.
pub(crate) fn behaviour() -> Behaviour {
    Behaviour {
        body_limit: 8 << 20,
        import_limit: 1 << 24,
        at_once: 256,
        connect_limit: Duration::from_millis(500),
        answer_limit: Duration::from_secs(10),
        body_patience: Duration::from_secs(5),
        pace: Pace { bytes: 16_384, within: Duration::from_secs(20) },
        allowances: UNLIMITED,
        sampled: 0.0,
    }
}

impl Gateway {
    /// In front of these replicas, without Redis.
    pub(crate) fn start(services: &[(Service, &[SocketAddr])], behaviour: Behaviour) -> Gateway {
        Gateway::with(2, services, behaviour, NO_REDIS, Vec::new())
    }

    pub(crate) fn with(
        workers: usize,
        services: &[(Service, &[SocketAddr])],
        behaviour: Behaviour,
        redis: &str,
        proxies: Vec<Network>,
    ) -> Gateway {
        let mint = Mint::new();
        let organisations = Organisations::new();
        let addresses = Service::ALL.map(|service| {
            services
                .iter()
                .filter(|(of, _)| *of == service)
                .flat_map(|(_, addresses)| addresses.iter())
                .map(|address| format!("http://{address}").parse::<Address>().unwrap())
                .collect()
        });
        let limits = cache::limits::Limits::new(cache::Redis::open(redis).unwrap(), 1);
        let (standings, api_keys) = (Standings::new(), ApiKeys::new());
        let identity = Identity::new(mint.verifier(), organisations.clone(), standings.clone(), api_keys.clone());
        let shared = Shared::new(behaviour, identity, &addresses, limits, proxies);
        let (server, organisation) = (Served::start(workers, shared), OrganisationId::new());
        Gateway { server, mint, organisations, standings, api_keys, organisation }
    }

    pub(crate) fn base(&self) -> String {
        format!("http://{}", self.server.address())
    }

    pub(crate) fn anyone(&self) -> Client {
        Client::new(self.base(), None)
    }

    pub(crate) fn token(&self) -> String {
        self.mint.token(self.organisation, &[Role::Owner])
    }

    pub(crate) fn staff(&self) -> Client {
        Client::new(self.base(), Some(&self.token()))
    }

    /// The head of a staff member's POST whose body has this header.
    pub(crate) fn post_head(&self, path: &str, length: &str) -> String {
        let token = self.token();
        format!("POST {path} HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer {token}\r\n{length}\r\n\r\n")
    }

    /// Sends bytes as they are and returns everything up to the end of the connection.
    pub(crate) async fn raw(&self, request: impl Into<Vec<u8>>) -> String {
        let (address, request) = (self.server.address(), request.into());
        tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            stream.write_all(&request).unwrap();
            let mut answer = Vec::new();
            // A reset after the answer is as good as an end.
            let _ = stream.read_to_end(&mut answer);
            String::from_utf8_lossy(&answer).into_owned()
        })
        .await
        .unwrap()
    }
}
