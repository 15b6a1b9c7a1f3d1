//! The prefix table: which service owns an address, whether it needs a token, how long a body may be.
//!
//! The rule it keeps: what is not in the table is 404, and `/admin` is never reachable without a credential.

/// A service behind the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, strum::Display, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Service {
    /// Organisations, people, tokens.
    Auth,
    /// The category tree.
    Category,
    /// Products, stock, imports.
    Catalog,
    /// Orders.
    Order,
    /// Where teams hear what happens.
    Notifier,
}

impl Service {
    /// All of them, in the order of their indexes.
    pub const ALL: [Service; 5] =
        [Service::Auth, Service::Category, Service::Catalog, Service::Order, Service::Notifier];

    /// Its place in [`Service::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }

    /// Its name: "auth".
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// Whether a route needs a credential: an access token or an API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// No; a token that is sent is passed on unchecked.
    Open,
    /// No, but one that is sent must be valid.
    Offered,
    /// Yes, a valid one.
    Required,
}

/// The rate limit of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The limit per address.
    Ordinary,
    /// The stricter one, which slows down guessing passwords and secrets, and setting up organisations.
    Login,
}

/// The longest body of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// The limit of ordinary requests.
    Ordinary,
    /// The limit of products with all their variants, of whole category trees, and of orders that were sold elsewhere.
    Large,
    /// The limit of many products in one body.
    Largest,
    /// The limit of files to import.
    Import,
}

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route<'a> {
    /// The service that owns the address.
    pub service: Service,
    /// Whether it needs a credential.
    pub guard: Guard,
    /// The rate limit.
    pub class: Class,
    /// The longest body.
    pub size: Size,
    /// Whether it is about the bearer's own account, which stays open when the organisation is suspended.
    pub own_account: bool,
    /// The organisation's slug, where the address names one.
    pub shop: Option<&'a str>,
    /// The path at the service, where it is another one.
    pub rewritten: Option<&'static str>,
}

/// Where auth gives an access token for an API key. The gateway itself asks there, and nobody else may.
pub const KEY_EXCHANGE: &str = "/auth/v1/api-keys/token";

/// The first words below `/auth/v1/` whose routes take a password or a secret instead of a credential. A client may send a
/// credential all the same, and one that no longer counts must not keep it from getting another.
const WITHOUT_CREDENTIAL: &[&str] =
    &["login", "organisations", "operators", "refresh", "password-resets", "invitations"];
/// The first word below `/auth/v1/` whose secret has 256 bits: nobody guesses it, and whoever does keeps nobody else from it.
const REFRESH: &str = "refresh";
/// The first word below `/auth/v1/` where a password is guessed at with a credential.
const PASSWORD: &str = "password";

/// The owners of the paths below `/admin/v1/`.
const ADMIN: &[(&str, Service)] = &[
    ("products", Service::Catalog),
    ("variants", Service::Catalog),
    ("attributes", Service::Catalog),
    ("views", Service::Catalog),
    ("stock", Service::Catalog),
    ("locations", Service::Catalog),
    ("stock-settings", Service::Catalog),
    ("prices", Service::Catalog),
    ("imports", Service::Catalog),
    ("orders", Service::Order),
    ("customers", Service::Order),
    ("categories", Service::Category),
    ("destinations", Service::Notifier),
    ("chat-links", Service::Notifier),
    ("organisation", Service::Auth),
    ("members", Service::Auth),
    ("invitations", Service::Auth),
    ("roles", Service::Auth),
    ("api-keys", Service::Auth),
];

/// The owners of the paths below `/store/v1/{organisation}/`.
const STORE: &[(&str, Service)] = &[
    ("products", Service::Catalog),
    ("orders", Service::Order),
    ("categories", Service::Category),
    ("customers", Service::Auth),
];

/// The noun of a shop's customers, who make their accounts and log in without a credential.
const CUSTOMERS: &str = "customers";
/// The nouns of a shop that know their customers: a credential that is sent must be valid.
const OFFERING: &[&str] = &["orders", CUSTOMERS];

/// The route of a path (without its query).
#[must_use]
pub fn find(path: &str) -> Option<Route<'_>> {
    if path == "/.well-known/jwks.json" {
        return Some(Route { rewritten: Some("/auth/v1/jwks"), ..open(Service::Auth) });
    }
    let mut segments = path.strip_prefix('/')?.split('/');
    match (segments.next()?, segments.next()?) {
        ("auth", "v1") => {
            let word = segments.next().filter(|word| !word.is_empty())?;
            // No address of auth needs an escape, and auth would read an escaped letter as the letter: that would pass
            // by the stricter limit and by the exchange's lock.
            if path == KEY_EXCHANGE || path.contains('%') {
                return None;
            }
            let without = WITHOUT_CREDENTIAL.contains(&word);
            let guard = if without { Guard::Open } else { Guard::Offered };
            let guessable = without && word != REFRESH;
            let class = if guessable || word == PASSWORD { Class::Login } else { Class::Ordinary };
            Some(Route { guard, class, own_account: true, ..open(Service::Auth) })
        }
        ("admin", "v1") => {
            let noun = segments.next()?;
            let size = match (noun, segments.next(), segments.next()) {
                ("imports", ..) => Size::Import,
                ("products", Some("query"), _) => Size::Ordinary,
                ("products", Some("bulk"), _) => Size::Largest,
                ("products", ..)
                | ("categories" | "stock" | "prices", Some("bulk"), _)
                | ("orders", Some("import"), Some("bulk")) => Size::Large,
                _ => Size::Ordinary,
            };
            Some(Route { guard: Guard::Required, size, ..open(owner(ADMIN, noun)?) })
        }
        ("store", "v1") => {
            let shop = segments.next().filter(|slug| !slug.is_empty())?;
            let noun = segments.next()?;
            // As for auth's own addresses: an escaped letter would pass by the stricter limit.
            if noun == CUSTOMERS && path.contains('%') {
                return None;
            }
            let (word, next) = (segments.next(), segments.next());
            let at_door = noun == CUSTOMERS && !matches!(word, Some("me" | "logout"));
            let guesses = noun == CUSTOMERS && next == Some(PASSWORD);
            let class = if at_door || guesses { Class::Login } else { Class::Ordinary };
            let guard = if OFFERING.contains(&noun) && !at_door { Guard::Offered } else { Guard::Open };
            Some(Route { guard, class, shop: Some(shop), ..open(owner(STORE, noun)?) })
        }
        ("platform", "v1") => {
            segments.next().filter(|noun| !noun.is_empty())?;
            Some(Route { guard: Guard::Required, ..open(Service::Auth) })
        }
        _ => None,
    }
}

fn open<'a>(service: Service) -> Route<'a> {
    Route {
        service,
        guard: Guard::Open,
        class: Class::Ordinary,
        size: Size::Ordinary,
        own_account: false,
        shop: None,
        rewritten: None,
    }
}

fn owner(table: &[(&str, Service)], noun: &str) -> Option<Service> {
    table.iter().find(|(owned, _)| *owned == noun).map(|(_, service)| *service)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_surface_has_its_owner() {
        let owners = [
            ("/auth/v1/login", Service::Auth),
            ("/auth/v1/jwks", Service::Auth),
            ("/.well-known/jwks.json", Service::Auth),
            ("/admin/v1/categories/cat_1/move", Service::Category),
            ("/admin/v1/products", Service::Catalog),
            ("/admin/v1/stock/SKU-1/adjust", Service::Catalog),
            ("/admin/v1/views", Service::Catalog),
            ("/admin/v1/imports", Service::Catalog),
            ("/admin/v1/orders/ord_1", Service::Order),
            ("/admin/v1/destinations/dest_1/test", Service::Notifier),
            ("/admin/v1/organisation", Service::Auth),
            ("/admin/v1/members/mem_1", Service::Auth),
            ("/admin/v1/api-keys", Service::Auth),
            ("/store/v1/acme/products/prod_1", Service::Catalog),
            ("/store/v1/acme/categories", Service::Category),
            ("/store/v1/acme/orders/ord_1/cancel", Service::Order),
            ("/store/v1/acme/orders/queue", Service::Order),
            ("/store/v1/acme/customers/login", Service::Auth),
            ("/platform/v1/organisations", Service::Auth),
        ];
        for (path, service) in owners {
            assert_eq!(find(path).map(|route| route.service), Some(service), "{path}");
        }
    }

    #[test]
    fn everything_below_admin_needs_a_credential_and_nothing_else_does() {
        for (noun, _) in ADMIN {
            let path = format!("/admin/v1/{noun}/x");
            assert_eq!(find(&path).map(|route| route.guard), Some(Guard::Required), "{path}");
        }
        assert_eq!(find("/platform/v1/organisations").map(|route| route.guard), Some(Guard::Required));
        for path in [
            "/auth/v1/password",
            "/auth/v1/me",
            "/auth/v1/jwks",
            "/store/v1/acme/orders",
            "/store/v1/acme/customers/me",
        ] {
            assert_eq!(find(path).map(|route| route.guard), Some(Guard::Offered), "{path}");
        }
        for path in [
            "/auth/v1/login",
            "/auth/v1/refresh",
            "/store/v1/acme/customers",
            "/store/v1/acme/products",
            "/.well-known/jwks.json",
        ] {
            assert_eq!(find(path).map(|route| route.guard), Some(Guard::Open), "{path}");
        }
    }

    #[test]
    fn what_can_be_guessed_at_has_the_stricter_limit() {
        let of_staff = ["login", "organisations", "password", "password-resets/x", "invitations/accept"];
        let of_customers = ["", "/login", "/me/password", "/password-resets", "/password-resets/redeem"];
        let of_staff = of_staff.map(|path| format!("/auth/v1/{path}"));
        for path in of_staff.into_iter().chain(of_customers.map(|path| format!("/store/v1/acme/customers{path}"))) {
            assert_eq!(find(&path).map(|route| route.class), Some(Class::Login), "{path}");
        }
        for path in [
            "/auth/v1/me",
            "/auth/v1/jwks",
            "/admin/v1/invitations",
            "/store/v1/login/products",
            "/store/v1/acme/customers/me",
        ] {
            assert_eq!(find(path).map(|route| route.class), Some(Class::Ordinary), "{path}");
        }
    }

    #[test]
    fn what_may_be_large_has_its_own_limit_and_nothing_beside_it() {
        for (path, size) in [
            ("/admin/v1/products/bulk", Size::Largest),
            ("/admin/v1/products", Size::Large),
            ("/admin/v1/products/prod_1", Size::Large),
            ("/admin/v1/categories/bulk", Size::Large),
            ("/admin/v1/stock/bulk", Size::Large),
            ("/admin/v1/prices/bulk", Size::Large),
            ("/admin/v1/orders/import/bulk", Size::Large),
            ("/admin/v1/orders/import", Size::Ordinary),
            ("/admin/v1/orders", Size::Ordinary),
            ("/admin/v1/orders/queue", Size::Ordinary),
            ("/admin/v1/products/query", Size::Ordinary),
            ("/admin/v1/stock/SKU-1/adjust", Size::Ordinary),
            ("/admin/v1/categories", Size::Ordinary),
            ("/admin/v1/categories/cat_1/move", Size::Ordinary),
            ("/admin/v1/orders/bulk", Size::Ordinary),
            ("/admin/v1/imports", Size::Import),
            ("/store/v1/acme/products", Size::Ordinary),
        ] {
            assert_eq!(find(path).map(|route| route.size), Some(size), "{path}");
        }
    }

    #[test]
    fn what_is_not_in_the_table_is_unknown() {
        for path in [
            "/",
            "",
            "*",
            "/admin",
            "/admin/v1",
            "/admin/v1/",
            "/admin/v2/products",
            "//admin/v1/products",
            "/Admin/v1/products",
            "/admin/v1/productsx",
            "/admin/v1/deliveries",
            "/admin/v1/users",
            "/admin/v1/organisations",
            "/store/v1//products",
            "/store/v1/acme",
            "/metrics",
            "/auth/v1/",
            "/auth/v1/api-keys/token",
            "/auth/v1/api-keys/%74oken",
            "/auth/v1/%6Cogin",
            "/store/v1/acme/customers/me/%70assword",
            "/%61uth/v1/api-keys/token",
            "/openapi.json/x",
            "/readyz",
            "/admin/v1/PRODUCTS",
        ] {
            assert_eq!(find(path), None, "{path}");
        }
    }
}
