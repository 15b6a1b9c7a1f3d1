//! Cancels the orders whose deadline has passed, and moves the deadlines of those whose placed event still waits in the
//! outbox. The rule: a platform query finds them, ordinary commands in the order's organisation do it; two replicas may do
//! it at once.

use std::sync::LazyLock;
use std::time::Duration;

use kernel::{OrderId, OrganisationId};
use mediator::{Class, Classified, Command, Mediator, Scope, SendError, Tenant};
use mutants::Mutant;
use service::{Part, Stage};

use crate::{
    NAME,
    commands::{CancelOverdue, PostponeDeadlines},
    domain::Deadline,
    error::Error,
    queries::{Due, FindOverdueOrders},
};

/// The most orders that one sweep takes; when it finds as many, the next one follows at once.
const BATCH: u16 = 500;

/// Checks for overdue orders every `interval`.
#[must_use]
pub fn part(mediator: Mediator, interval: Duration, deadline: Deadline) -> Part {
    Part::restarted(Stage::Consuming, "deadline sweep", move |stop| {
        let mediator = mediator.clone();
        service::every(interval, stop, move || poll(mediator.clone(), deadline))
    })
}

/// One sweep; says whether there may be more to do.
async fn poll(mediator: Mediator, deadline: Deadline) -> bool {
    match sweep(&mediator, deadline).await {
        Ok(found) => found == usize::from(BATCH),
        Err(error) => {
            tracing::warn!(%error, "the deadline sweep failed and is tried again");
            false
        }
    }
}

/// Cancels what is overdue now and moves what cannot have been answered, at most a batch, and returns the number of orders
/// that it found. One order that cannot be cancelled does not delay the others.
///
/// # Errors
/// The first error of the database or a command; the next sweep tries again.
pub async fn sweep(mediator: &Mediator, deadline: Deadline) -> Result<usize, SendError<Error>> {
    let mut due = mediator.ask(&Scope::platform_system(NAME), FindOverdueOrders { deadline, limit: BATCH }).await?;
    if mutants::is_on(Mutant::TimerInMemory) {
        due.values_mut().for_each(|due| due.overdue.retain(is_of_this_process));
    }
    let mut outcome = Ok(due.values().map(|due| due.overdue.len() + due.unsent.len()).sum());
    for (organisation, Due { overdue, unsent }) in due {
        if !unsent.is_empty() {
            let postpone = PostponeDeadlines { orders: unsent, deadline };
            let moved = mediator.send(&Scope::system(NAME, organisation), postpone).await;
            outcome = first_error(outcome, moved);
        }
        let cancelled = cancel_all(mediator, organisation, overdue, |orders| CancelOverdue { orders }).await;
        outcome = first_error(outcome, cancelled);
    }
    outcome
}

/// Whether an order was placed since this process began to sweep, which only a mutant asks. Ids begin with the time of placing.
fn is_of_this_process(order: &OrderId) -> bool {
    static STARTED: LazyLock<OrderId> = LazyLock::new(OrderId::new);
    order.uuid() > STARTED.uuid()
}

/// Together, and one by one when that is refused.
pub(super) async fn cancel_all<C: Command<Tenancy = Tenant, Reply = (), Error = Error>>(
    mediator: &Mediator,
    organisation: OrganisationId,
    orders: Vec<OrderId>,
    command: impl Fn(Vec<OrderId>) -> C,
) -> Result<(), SendError<Error>> {
    if orders.is_empty() {
        return Ok(());
    }
    let refused = match cancel(mediator, organisation, command(orders.clone()), orders.len()).await {
        Ok(()) => return Ok(()),
        Err(error) if error.class() == Class::Transient || orders.len() == 1 => return Err(error),
        Err(error) => error,
    };
    for order in orders {
        if let Err(error) = cancel(mediator, organisation, command(vec![order]), 1).await {
            tracing::error!(%organisation, %order, %error, "an overdue order cannot be cancelled");
        }
    }
    Err(refused)
}

/// The outcome so far, unless this step is the first that failed.
pub(super) fn first_error<T>(
    outcome: Result<T, SendError<Error>>,
    step: Result<(), SendError<Error>>,
) -> Result<T, SendError<Error>> {
    outcome.and_then(|value| step.map(|()| value))
}

async fn cancel<C: Command<Tenancy = Tenant, Reply = (), Error = Error>>(
    mediator: &Mediator,
    organisation: OrganisationId,
    command: C,
    count: usize,
) -> Result<(), SendError<Error>> {
    mediator.send(&Scope::system(NAME, organisation), command).await?;
    metrics::counter!("order_deadlines_total", "of" => C::NAME).increment(count as u64);
    Ok(())
}
