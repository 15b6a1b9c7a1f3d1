//! Takes the steps that members ask for in a chat, of however many organisations, or refuses them: one lock, decisions in the order in
//! which they were asked, one write.
//!
//! The rules: who asks is looked up here, since no token says what they may do, and each request is carried out or refused once, in
//! the transaction that notes its id; the same request again, however late, changes and says nothing. A step that was taken before
//! is taken: whoever asks once more is told the same.

use std::{collections::HashMap, time::Duration};

use access::Permission;
use kernel::{ActionId, Clock, DestinationId, OrderId, OrganisationId, Timestamp, UserId};
use mediator::{Command, Provenance, Tenants};
use persistence::Tx;

use super::save;
use crate::{
    domain::{ChatStep, Order, Outcome, Requester, StepRefusal, Trigger},
    error::Error,
    published,
    store::{answered, members, orders},
};

/// A step that somebody asks for.
#[derive(Debug, Clone)]
pub struct AskedStep {
    /// Whose order it is.
    pub organisation: OrganisationId,
    /// What is asked.
    pub action: ActionId,
    /// The order.
    pub order: OrderId,
    /// The step.
    pub step: ChatStep,
    /// Who asks.
    pub user: UserId,
    /// Where, for the answer.
    pub destination: Option<DestinationId>,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// Where the request comes from.
    pub provenance: Provenance,
}

/// How long a request is good: consumers may be behind, but a step that was asked for hours ago is not taken by surprise.
const GOOD_FOR: Duration = Duration::from_secs(3_600);

/// Takes steps in the order in which they were asked for.
#[derive(Debug, Clone)]
pub struct TakeAskedSteps {
    /// The steps.
    pub asked: Vec<AskedStep>,
}

impl Command for TakeAskedSteps {
    const NAME: &'static str = "order.take-asked-steps";
    const REQUIRES: Permission = Permission::System;
    type Tenancy = Tenants;
    type Reply = ();
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_, Tenants>) -> Result<(), Error> {
        let key = |asked: &AskedStep| (asked.organisation, asked.order);
        let actions: Vec<_> = self.asked.iter().map(|asked| (asked.organisation, asked.action)).collect();
        let mut new = answered::take(tx, &actions).await?;
        let asked: Vec<_> = self.asked.iter().filter(|asked| new.remove(&(asked.organisation, asked.action))).collect();
        let mut people: Vec<_> = asked.iter().map(|asked| (asked.organisation, asked.user)).collect();
        people.sort_unstable();
        people.dedup();
        let permissions = members::permissions(tx, &people).await?;
        let may_act = |asked: &AskedStep| {
            let permissions = permissions.get(&(asked.organisation, asked.user));
            permissions.is_some_and(|permissions| permissions.contains(Permission::OrderWrite))
        };
        // Whoever may not act makes nobody wait for an order.
        let mut wanted: Vec<_> = asked.iter().copied().filter(|asked| may_act(asked)).map(key).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut locked = orders::lock(tx, &wanted).await?;
        let mut by_key: HashMap<_, &mut Order> = locked.iter_mut().map(|order| (order.key(), order)).collect();
        let now = Clock::now();
        let (mut steps, mut outcomes) = (Vec::new(), Vec::with_capacity(asked.len()));
        for asked in asked {
            // The consumer carries the request out, and whoever asked did it.
            let provenance = Provenance { actor: asked.user.to_string(), ..asked.provenance.clone() };
            let outcome = match by_key.get_mut(&key(asked)) {
                _ if !may_act(asked) => Outcome::Refused { reason: StepRefusal::NotPermitted, stands: None },
                _ if asked.asked_at + GOOD_FOR < now => Outcome::Refused { reason: StepRefusal::TooLate, stands: None },
                None => Outcome::Refused { reason: StepRefusal::NoSuchOrder, stands: None },
                Some(order) => match order.take_from(Requester::Staff, trigger(asked.step), None) {
                    Ok(step) => {
                        steps.extend(step.map(|step| (step, provenance.clone())));
                        Outcome::Done { number: order.number, status: order.status() }
                    }
                    Err(Error::Impossible(_)) => {
                        let stands = Some((order.number, order.status()));
                        Outcome::Refused { reason: StepRefusal::NotPossible, stands }
                    }
                    Err(other) => return Err(other),
                },
            };
            outcomes.push((asked, provenance, outcome));
        }
        save(tx, &locked, steps).await?;
        for (asked, provenance, outcome) in outcomes {
            let told = published::outcome((asked.action, asked.order, asked.step, asked.destination), outcome);
            tx.record_within(asked.organisation, &provenance, now, 1, told);
        }
        Ok(())
    }
}

fn trigger(step: ChatStep) -> Trigger {
    match step {
        ChatStep::Pack => Trigger::Pack(None),
        ChatStep::Cancel => Trigger::StaffCancels,
    }
}
