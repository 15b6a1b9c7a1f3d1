//! Every route of every service, asked through the gateway by every kind of caller.
//! The rule: the routes come from the services' own documents, so a new one is in the matrix without being added here, and
//! what it needs beyond its document fails the test until it is said in `requests.rs`.

mod callers;
mod documents;
mod ours;
mod requests;

use std::collections::BTreeSet;
use std::time::Instant;

use e2e::{Shop, together};
use futures::StreamExt;
use testkit::Reply;

use self::callers::{Caller, Callers};
use self::documents::{Guard, Route};
use self::ours::Ours;
use self::requests::Request;
use crate::WISHES;

/// Routes that are asked at the same time.
const AT_ONCE: usize = 8;

/// What a caller is to get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// 401 `unauthenticated` with a challenge.
    Unauthenticated,
    /// 403 `forbidden`.
    Forbidden,
    /// 403 `organisation-suspended`.
    Suspended,
    /// One of the two: some of a shop's routes take for a guest whoever is not its customer.
    Refused,
    /// 404 `not-found`: nobody is told that there is such a route.
    NoSuchRoute,
    /// What was asked for, or that there is no such thing: no refusal of the caller nor of the request's form.
    Served,
    /// Served, with nothing of ours: where the path names a thing of ours, as if there were no such thing.
    NothingOfOurs,
    /// What it says without a credential, which is neither of the two refusals.
    AsWithoutCredential,
}

fn expected(guard: &Guard, caller: Caller) -> Expected {
    use Caller::{
        Anonymous, Customer, Expired, KeyWith, KeyWithout, Operator, OtherCustomer, OtherOrganisation, Outdated,
        Revoked, RightRole, Stranger, Suspended, WrongRole,
    };
    match (guard, caller) {
        (Guard::Hidden, _) => Expected::NoSuchRoute,
        (Guard::Open, _) => Expected::AsWithoutCredential,
        (_, Stranger | Expired | Revoked | Outdated) => Expected::Unauthenticated,
        (Guard::Person | Guard::Member, Suspended) => Expected::NothingOfOurs,
        (Guard::Shopper | Guard::Customer | Guard::Operator | Guard::Colleague | Guard::Staff(_), Suspended) => {
            Expected::Suspended
        }
        (Guard::Shopper | Guard::Customer, OtherCustomer) => Expected::Forbidden,
        // Everybody else is a guest there, and a customer does not see the order of a guest.
        (Guard::Offered | Guard::Shopper, _) => Expected::AsWithoutCredential,
        (_, Anonymous) => Expected::Unauthenticated,
        (Guard::Operator | Guard::Person, Operator) | (Guard::Customer, Customer) => Expected::Served,
        (Guard::Customer, _) => Expected::Refused,
        (Guard::Operator, _) | (_, Operator | Customer | OtherCustomer) => Expected::Forbidden,
        (Guard::Person | Guard::Member | Guard::Colleague | Guard::Staff(_), OtherOrganisation) => {
            Expected::NothingOfOurs
        }
        // A program has no account.
        (Guard::Person | Guard::Member | Guard::Colleague, KeyWithout | KeyWith)
        | (Guard::Staff(_), WrongRole | KeyWithout) => Expected::Forbidden,
        // Whoever is logged in has an account, whatever their role.
        (Guard::Person | Guard::Member | Guard::Colleague, WrongRole | RightRole)
        | (Guard::Staff(_), RightRole | KeyWith) => Expected::Served,
    }
}

/// The replies of one route, by caller.
struct Row<'a> {
    route: &'a Route,
    replies: Vec<(Caller, Request, Reply)>,
}

impl Row<'_> {
    fn of(&self, caller: Caller) -> &Reply {
        self.replies.iter().find(|(asked, ..)| *asked == caller).map(|(.., reply)| reply).unwrap()
    }

    /// What is wrong with it, a text for each cell.
    fn faults(&self, ours: &Ours) -> Vec<String> {
        let faulty = |(caller, request, reply): &(Caller, Request, Reply)| {
            let expected = expected(&self.route.guard, *caller);
            let fine = self.is_as_expected(expected, request, reply, ours);
            (!fine).then(|| {
                let (route, text) = (self.route, reply.text());
                format!("{route} by {caller:?}: expected {expected:?}, was {}: {text}", reply.status)
            })
        };
        self.replies.iter().filter_map(faulty).collect()
    }

    fn is_as_expected(&self, expected: Expected, request: &Request, reply: &Reply, ours: &Ours) -> bool {
        let refusals = ["/problems/unauthenticated", "/problems/forbidden"];
        let answered = reply.status < 500 && reply.status != 429 && !refusals.contains(&kind_of(reply).as_str());
        match expected {
            Expected::Unauthenticated => {
                let challenge = reply.header("www-authenticate").is_some_and(|it| it.starts_with("Bearer"));
                challenge && is_problem(reply, 401, refusals[0])
            }
            Expected::Forbidden => is_problem(reply, 403, refusals[1]),
            Expected::Suspended => is_problem(reply, 403, "/problems/organisation-suspended"),
            Expected::Refused => is_problem(reply, 401, refusals[0]) || is_problem(reply, 403, refusals[1]),
            Expected::NoSuchRoute => is_problem(reply, 404, "/problems/not-found"),
            Expected::Served => answered && ![400, 401, 403, 405, 415, 422].contains(&reply.status),
            Expected::NothingOfOurs => {
                let names_ours = !self.route.parameters.is_empty();
                let missing = !names_ours || reply.status == self.of(Caller::RightRole).status;
                answered && missing && !ours.leaks_into(reply, request)
            }
            Expected::AsWithoutCredential => {
                let without = self.of(Caller::Anonymous);
                answered && (reply.status, kind_of(reply)) == (without.status, kind_of(without))
            }
        }
    }
}

fn kind_of(reply: &Reply) -> String {
    reply.json()["type"].as_str().unwrap_or_default().to_owned()
}

fn is_problem(reply: &Reply, status: u16, kind: &str) -> bool {
    let media = reply.header("content-type") == Some("application/problem+json");
    media && reply.status == status && kind_of(reply) == kind && reply.json()["status"] == status
}

/// One route as every caller, the one without credential first.
async fn ask<'a>(route: &'a Route, callers: &Callers<'_>, ours: &Ours) -> Row<'a> {
    let mut replies = Vec::new();
    for caller in Caller::ALL {
        let client = callers.client(caller, route).await;
        let request = Request::of(route, caller, ours);
        let reply = request.send(&client).await;
        replies.push((caller, request, reply));
    }
    Row { route, replies }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_gives_every_caller_what_its_document_promises_and_no_more() {
    let store = together(&WISHES).await;
    let (shop, elsewhere) = (Shop::open(&store, "matrix").await, Shop::open(&store, "elsewhere").await);
    let closed = Shop::open(&store, "closed").await;
    let ours = Ours::make(&store, &shop).await;
    let routes = documents::routes(&store).await;
    let permissions: BTreeSet<&str> = routes.iter().filter_map(|route| route.guard.permission()).collect();
    let callers = Callers::assemble(&store, &shop, &elsewhere, &closed, &routes, &permissions).await;
    let before = ours.seen_by_owner(&shop, &routes).await;

    let begun = Instant::now();
    let rows: Vec<Row<'_>> =
        futures::stream::iter(&routes).map(|route| ask(route, &callers, &ours)).buffered(AT_ONCE).collect().await;
    let cells: usize = rows.iter().map(|row| row.replies.len()).sum();
    println!("{cells} cells of {} routes in {:.1} s", rows.len(), begun.elapsed().as_secs_f64());
    let faults: Vec<String> = rows.iter().flat_map(|row| row.faults(&ours)).collect();
    assert!(faults.is_empty(), "{} of {cells} cells:\n{}", faults.len(), faults.join("\n"));
    assert_eq!(cells, routes.len() * Caller::ALL.len());
    assert_eq!(ours.seen_by_owner(&shop, &routes).await, before, "somebody changed what is ours");
}
