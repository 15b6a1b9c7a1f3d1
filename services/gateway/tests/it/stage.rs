//! A gateway under test: the production server and workers, with addresses, keys and limits given by the test.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use ::access::Role;
use gateway::identity::Identity;
use gateway::limits::Allowances;
use gateway::routes::Service;
use gateway::server::Server;
use gateway::upstream::Address;
use gateway::worker::{Behaviour, Shared};
use kernel::OrganisationId;
use testkit::{Client, Mint};

/// Nothing listens there: limits decide alone.
pub(crate) const NO_REDIS: &str = "redis://127.0.0.1:1";
pub(crate) const UNLIMITED: Allowances = Allowances { address: 0, organisation: 0, login: 0 };

pub(crate) struct Gateway {
    pub(crate) server: Server,
    pub(crate) mint: Mint,
    pub(crate) identity: Identity,
    pub(crate) organisation: OrganisationId,
}

/// What a test may change.
pub(crate) fn behaviour() -> Behaviour {
    Behaviour {
        body_limit: 1 << 20,
        import_limit: 1 << 24,
        at_once: 256,
        connect_limit: Duration::from_millis(500),
        answer_limit: Duration::from_secs(10),
        body_patience: Duration::from_secs(5),
        allowances: UNLIMITED,
        sampled: 0.0,
    }
}

impl Gateway {
    /// In front of these replicas, without Redis.
    pub(crate) fn start(services: &[(Service, &[SocketAddr])], behaviour: Behaviour) -> Gateway {
        Gateway::with_redis(services, behaviour, NO_REDIS)
    }

    pub(crate) fn with_redis(services: &[(Service, &[SocketAddr])], behaviour: Behaviour, redis: &str) -> Gateway {
        let mint = Mint::new();
        let identity = Identity::new(Mint::ISSUER, Mint::AUDIENCE);
        let key = mint.announced();
        identity.apply_key(key.kid.uuid(), Some(key));
        let addresses = Service::ALL.map(|service| {
            services
                .iter()
                .filter(|(of, _)| *of == service)
                .flat_map(|(_, addresses)| addresses.iter())
                .map(|address| format!("http://{address}").parse::<Address>().unwrap())
                .collect()
        });
        let limits = cache::limits::Limits::new(cache::Redis::open(redis).unwrap(), 1);
        let shared = Shared::new(behaviour, identity.clone(), &addresses, limits);
        let server = Server::start(([127, 0, 0, 1], 0).into(), 2, shared).unwrap();
        Gateway { server, mint, identity, organisation: OrganisationId::new() }
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
