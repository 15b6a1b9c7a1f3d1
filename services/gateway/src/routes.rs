//! The prefix table: which service owns an address, whether it needs a token, how long a body may be.
//!
//! The rule it keeps: what is not in the table is 404, and `/admin` is never reachable without a token.

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
}

impl Service {
    /// All of them, in the order of their indexes.
    pub const ALL: [Service; 4] = [Service::Auth, Service::Category, Service::Catalog, Service::Order];

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

/// Whether a route needs a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// No; a token that is sent is passed on unchecked.
    Open,
    /// Yes, a valid access token.
    Token,
}

/// The rate limit of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The limit per address.
    Ordinary,
    /// The stricter one, which slows down guessing passwords and setting up organisations.
    Login,
}

/// The longest body of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// The limit of ordinary requests.
    Ordinary,
    /// The limit of products with all their variants.
    Product,
    /// The limit of files to import.
    Import,
}

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route<'a> {
    /// The service that owns the address.
    pub service: Service,
    /// Whether it needs a token.
    pub guard: Guard,
    /// The rate limit.
    pub class: Class,
    /// The longest body.
    pub size: Size,
    /// The organisation's slug, where the address names one.
    pub shop: Option<&'a str>,
    /// The path at the service, where it is another one.
    pub rewritten: Option<&'static str>,
}

/// The owners of the paths below `/admin/v1/`.
const ADMIN: &[(&str, Service)] = &[
    ("products", Service::Catalog),
    ("stock", Service::Catalog),
    ("imports", Service::Catalog),
    ("orders", Service::Order),
    ("categories", Service::Category),
];

/// The owners of the paths below `/store/v1/{organisation}/`.
const STORE: &[(&str, Service)] =
    &[("products", Service::Catalog), ("orders", Service::Order), ("categories", Service::Category)];

/// The route of a path (without its query).
#[must_use]
pub fn find(path: &str) -> Option<Route<'_>> {
    if path == "/.well-known/jwks.json" {
        return Some(Route { rewritten: Some("/auth/v1/jwks"), ..open(Service::Auth) });
    }
    let mut segments = path.strip_prefix('/')?.split('/');
    match (segments.next()?, segments.next()?) {
        ("auth", "v1") => {
            let class = match segments.next()? {
                "" => return None,
                "login" | "organisations" => Class::Login,
                _ => Class::Ordinary,
            };
            Some(Route { class, ..open(Service::Auth) })
        }
        ("admin", "v1") => {
            let noun = segments.next()?;
            let size = match noun {
                "imports" => Size::Import,
                "products" => Size::Product,
                _ => Size::Ordinary,
            };
            Some(Route { guard: Guard::Token, size, ..open(owner(ADMIN, noun)?) })
        }
        ("store", "v1") => {
            let shop = segments.next().filter(|slug| !slug.is_empty())?;
            Some(Route { shop: Some(shop), ..open(owner(STORE, segments.next()?)?) })
        }
        _ => None,
    }
}

fn open<'a>(service: Service) -> Route<'a> {
    Route { service, guard: Guard::Open, class: Class::Ordinary, size: Size::Ordinary, shop: None, rewritten: None }
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
            ("/admin/v1/imports", Service::Catalog),
            ("/admin/v1/orders/ord_1", Service::Order),
            ("/store/v1/acme/products/prod_1", Service::Catalog),
            ("/store/v1/acme/categories", Service::Category),
            ("/store/v1/acme/orders/ord_1/cancel", Service::Order),
        ];
        for (path, service) in owners {
            assert_eq!(find(path).map(|route| route.service), Some(service), "{path}");
        }
    }

    #[test]
    fn everything_below_admin_needs_a_token_and_nothing_else_does() {
        for (noun, _) in ADMIN {
            let path = format!("/admin/v1/{noun}/x");
            assert_eq!(find(&path).map(|route| route.guard), Some(Guard::Token), "{path}");
        }
        for path in ["/store/v1/acme/products", "/auth/v1/login", "/.well-known/jwks.json"] {
            assert_eq!(find(path).map(|route| route.guard), Some(Guard::Open), "{path}");
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
            "/store/v1//products",
            "/store/v1/acme",
            "/metrics",
            "/auth/v1/",
            "/openapi.json/x",
            "/readyz",
            "/admin/v1/PRODUCTS",
        ] {
            assert_eq!(find(path), None, "{path}");
        }
    }
}
