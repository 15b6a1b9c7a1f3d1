//! Streams of what happens to an order. The rule: a stream begins with the order as it is, or behind the event that its client had
//! last, and says each change once.

use futures::StreamExt as _;
use kernel::{OrderId, OrganisationId};
use mediator::Scope;
use rest::{App, Event, Events, LastEventId, Path, Problem, Staff, State, problems};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::orders::OrderPath;
use crate::{
    domain::{OrderDetail, OrderView, Ownership, Requester, Status, TimelineEntry, Transition},
    processes::{Follower, Followers, is_over},
    queries::{FindOrder, FindOwnOrder, ListOwnTransitions, ListTransitions},
};

/// The name of the event that a stream begins with.
const ORDER: &str = "order";
/// The name of the others.
const TRANSITION: &str = "transition";

/// What a shopper hears of an order: the order as it is, or what happened to it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(super) struct OrderNews {
    /// The order as it is; in the first event of a stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<OrderView>,
    /// What happened to it; in every other one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    transition: Option<Transition>,
}

/// What staff hears of an order: the order as it is, or what happened to it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(super) struct OrderDetailNews {
    /// The order as it is; in the first event of a stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<OrderDetail>,
    /// What happened to it; in every other one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    transition: Option<TimelineEntry>,
}

impl OrderDetailNews {
    fn of(entry: TimelineEntry) -> Option<Self> {
        Some(Self { order: None, transition: Some(entry) })
    }
}

pub(super) async fn for_staff(
    app: App,
    by: Staff,
    Path(at): Path<OrderPath>,
    last: LastEventId,
    State(followers): State<Followers>,
) -> Result<Events<OrderDetailNews>, Problem> {
    let (order, by) = (at.order, by.0);
    // Read twice: whoever may not see the order takes no place, and what happens from the second time on is not missed.
    app.ask(&by, FindOrder { order }).await?;
    let follower = enter(&followers, by.organisation(), order, Requester::Staff)?;
    let now = app.ask(&by, FindOrder { order }).await?;
    let beginning = Beginning::of(now.order.version, now.order.status, last);
    let fetch = async move |after| app.ask(&by, ListTransitions { order, after }).await;
    let first = OrderDetailNews { order: Some(now), transition: None };
    beginning.stream(follower, first, fetch, OrderDetailNews::of).await
}

/// The stream of the shopper's own order.
pub(super) async fn for_shopper(
    app: App,
    by: Scope,
    followers: &Followers,
    (order, proof): (OrderId, Ownership),
    last: LastEventId,
) -> Result<Events<OrderNews>, Problem> {
    app.ask(&by, FindOwnOrder { order, proof: proof.clone() }).await?;
    let follower = enter(followers, by.organisation(), order, Requester::Shopper)?;
    let now = app.ask(&by, FindOwnOrder { order, proof: proof.clone() }).await?;
    let beginning = Beginning::of(now.version, now.status, last);
    let fetch = async move |after| app.ask(&by, ListOwnTransitions { order, after, proof: proof.clone() }).await;
    let first = OrderNews { order: Some(now), transition: None };
    let shown = |entry: TimelineEntry| Some(OrderNews { order: None, transition: Some(entry.for_shopper()?) });
    beginning.stream(follower, first, fetch, shown).await
}

fn enter(followers: &Followers, of: OrganisationId, order: OrderId, whom: Requester) -> Result<Follower, Problem> {
    let crowded = "As many streams are open as may be. Read the order instead, or try again.";
    followers.enter(of, order, whom).ok_or_else(|| Problem::new(problems::UNAVAILABLE).detail(crowded).retry_after(5))
}

/// Where a stream begins.
enum Beginning {
    /// With the order as it is, in this version.
    Now(i64, Status),
    /// Behind this version.
    Behind(i64),
    /// Behind this version, and nothing more is expected.
    Last(i64),
    /// The client knows everything, and nothing more is expected.
    Nowhere,
}

impl Beginning {
    /// A version that the order has not reached is of another one, so such a client begins like any other.
    fn of(version: i64, status: Status, last: LastEventId) -> Self {
        match last.version().filter(|last| *last <= version) {
            None => Self::Now(version, status),
            Some(last) if last == version && is_over(status) => Self::Nowhere,
            Some(last) if is_over(status) => Self::Last(last),
            Some(last) => Self::Behind(last),
        }
    }

    async fn stream<N: 'static>(
        self,
        follower: Follower,
        first: N,
        fetch: impl AsyncFn(i64) -> Result<Vec<TimelineEntry>, Problem> + 'static,
        shown: impl Fn(TimelineEntry) -> Option<N> + 'static,
    ) -> Result<Events<N>, Problem> {
        // What a shopper does not see must not bring their client back for ever.
        if let Self::Last(version) = self
            && !fetch(version).await?.into_iter().any(|entry| shown(entry).is_some())
        {
            return Ok(Events::over());
        }
        let event = move |entry: TimelineEntry| {
            let id = entry.version;
            std::future::ready(shown(entry).map(|data| Event { id, name: TRANSITION, data }))
        };
        let beginning = |id| futures::stream::once(std::future::ready(Event { id, name: ORDER, data: first }));
        Ok(match self {
            Self::Nowhere => Events::over(),
            Self::Now(version, status) if is_over(status) => Events::new(beginning(version)),
            Self::Now(version, _) => {
                Events::new(beginning(version).chain(follower.tell(version, fetch).filter_map(event)))
            }
            Self::Behind(version) | Self::Last(version) => Events::new(follower.tell(version, fetch).filter_map(event)),
        })
    }
}
