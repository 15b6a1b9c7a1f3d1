//! Steps that members ask for in a chat: whoever may takes them, and everybody else is refused.

use access::Role;
use contracts::auth::MembershipState;
use contracts::notifier::{ActionEvent, ActionRequested, ChatStep};
use contracts::order::{OutcomeEvent, Status, StepRefusal};
use contracts::{Channel, Envelope, topics};
use kernel::{ActionId, Clock, DestinationId, MembershipId, OrderId, OrganisationId, UserId};
use order::events;
use testkit::{eventually, publish};

use crate::world::{PATIENCE, World};

/// A person's place in an organisation.
#[derive(Clone, Copy)]
struct Person {
    organisation: OrganisationId,
    user: UserId,
    membership: MembershipId,
}

impl Person {
    fn of(organisation: OrganisationId) -> Self {
        Self { organisation, user: UserId::new(), membership: MembershipId::new() }
    }

    fn with(self, role: Role, active: bool, version: i64) -> MembershipState {
        let Self { organisation, user, membership } = self;
        let permissions = role.permissions().iter().map(|permission| permission.to_string()).collect();
        MembershipState { membership, organisation, user, roles: vec![role.to_string()], permissions, active, version }
    }

    fn asks(self, order: OrderId, step: ChatStep) -> (ActionId, ActionEvent) {
        let (action, destination) = (ActionId::new(), Some(DestinationId::new()));
        (action, ActionRequested { action, order, step, user: self.user, destination }.into())
    }
}

/// Every outcome of an action, with its envelope.
async fn outcomes(world: &World, action: ActionId) -> Vec<(Envelope, OutcomeEvent)> {
    let records = world.scene.read(topics::OUTCOME.name).await;
    let read = |record: &messaging::Record| {
        let envelope = Envelope::from_headers(record.header_pairs()).unwrap();
        let event = OutcomeEvent::decode(&envelope.event_type, record.payload.as_deref().unwrap()).unwrap();
        (envelope, event)
    };
    records.iter().map(read).filter(|(envelope, _)| envelope.subject == action.uuid()).collect()
}

async fn outcome(world: &World, action: ActionId) -> (Envelope, OutcomeEvent) {
    eventually(PATIENCE, async || outcomes(world, action).await.pop()).await
}

/// Why an action was refused, and where the order stands as far as that was said.
async fn refusal(world: &World, action: ActionId) -> (StepRefusal, Option<Status>) {
    match outcome(world, action).await.1 {
        OutcomeEvent::StepRefused(refused) => (refused.reason, refused.status),
        OutcomeEvent::StepDone(done) => panic!("it was done: {done:?}"),
    }
}

async fn knows(world: &World, state: &MembershipState) {
    world.scene.send(&[publish(Some(state.organisation), state.version, state)]).await;
    let statement = format!(
        "select count(*) from members where membership = '{}' and version = {}",
        state.membership.uuid(),
        state.version
    );
    eventually(PATIENCE, async || world.value(&statement).await == "1").await;
}

async fn confirmed(world: &World) -> OrderId {
    let placed = world.place("MUG").await;
    world.reserved(placed.order).await;
    world.reaches(placed.order, "confirmed").await;
    placed.order
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_who_may_packs_and_cancels_and_the_history_names_them() {
    let world = World::connected().await;
    world.sell(&[("MUG", 990)]).await;
    let order = confirmed(&world).await;
    let person = Person::of(world.scene.organisation());
    knows(&world, &person.with(Role::OrderManager, true, 1)).await;
    let (packing, asked) = person.asks(order, ChatStep::Pack);
    // The same request twice is one step and one answer.
    let record = publish(Some(person.organisation), 1, &asked);
    world.scene.send(&[record.clone(), record.clone()]).await;
    world.reaches(order, "packed").await;
    let (envelope, done) = outcome(&world, packing).await;
    let OutcomeEvent::StepDone(done) = done else { panic!("{done:?}") };
    assert_eq!((done.order, done.step, done.status), (order, ChatStep::Pack, Status::Packed));
    assert!(done.number.is_some() && done.destination.is_some());
    assert_eq!(
        (envelope.actor.as_str(), envelope.organisation),
        (person.user.to_string().as_str(), Some(person.organisation))
    );

    let (cancelling, asked) = person.asks(order, ChatStep::Cancel);
    world.scene.publish(1, &asked).await;
    world.reaches(order, "cancelled").await;
    assert!(matches!(outcome(&world, cancelling).await.1, OutcomeEvent::StepDone(_)));
    // What was done before is done, and changes nothing.
    let (again, asked) = person.asks(order, ChatStep::Cancel);
    world.scene.publish(1, &asked).await;
    assert!(matches!(outcome(&world, again).await.1, OutcomeEvent::StepDone(_)));
    let history = format!(
        "select string_agg(to_status || ' ' || actor, ', ' order by version) from order_history where order_id = '{}' and version > 2",
        order.uuid()
    );
    let user = person.user;
    assert_eq!(world.value(&history).await, format!("packed {user}, cancelled {user}"));
    assert_eq!(outcomes(&world, packing).await.len(), 1);
    // Not even an inbox that has forgotten it lets the same request be carried out again.
    world.execute("delete from inbox").await;
    world.scene.send(&[record]).await;
    let (last, asked) = person.asks(order, ChatStep::Cancel);
    world.scene.publish(1, &asked).await;
    outcome(&world, last).await;
    world.reaches(order, "cancelled").await;
    assert_eq!(outcomes(&world, packing).await.len(), 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_is_refused_and_told_nothing_of_the_order() {
    let world = World::connected().await;
    world.sell(&[("MUG", 990)]).await;
    let order = confirmed(&world).await;
    let (own, other) = (world.scene.organisation(), world.scene.other_organisation());
    let (viewer, left, foreign, unknown) = (Person::of(own), Person::of(own), Person::of(other), Person::of(own));
    knows(&world, &viewer.with(Role::Viewer, true, 1)).await;
    knows(&world, &left.with(Role::Owner, true, 1)).await;
    knows(&world, &left.with(Role::Owner, false, 2)).await;
    knows(&world, &foreign.with(Role::Owner, true, 1)).await;
    // A place that comes late does not come back.
    world.scene.publish(1, &left.with(Role::Owner, true, 1)).await;
    for person in [viewer, left, unknown] {
        let (action, asked) = person.asks(order, ChatStep::Cancel);
        world.scene.publish(1, &asked).await;
        assert_eq!(refusal(&world, action).await, (StepRefusal::NotPermitted, None));
    }
    // An owner of another organisation, in their own and in ours.
    let (action, asked) = foreign.asks(order, ChatStep::Cancel);
    world.scene.send(&[publish(Some(other), 1, &asked)]).await;
    assert_eq!(refusal(&world, action).await, (StepRefusal::NoSuchOrder, None));
    let (action, asked) = foreign.asks(order, ChatStep::Cancel);
    world.scene.publish(1, &asked).await;
    assert_eq!(refusal(&world, action).await, (StepRefusal::NotPermitted, None));
    // Who may, but not this, not with this one, and then with a role that may not any more.
    let manager = Person::of(own);
    knows(&world, &manager.with(Role::OrderManager, true, 1)).await;
    let (action, asked) = manager.asks(OrderId::new(), ChatStep::Cancel);
    world.scene.publish(1, &asked).await;
    assert_eq!(refusal(&world, action).await, (StepRefusal::NoSuchOrder, None));
    let pending = world.place("MUG").await;
    let (action, asked) = manager.asks(pending.order, ChatStep::Pack);
    world.scene.publish(1, &asked).await;
    assert_eq!(refusal(&world, action).await, (StepRefusal::NotPossible, Some(Status::Pending)));
    // What was asked hours ago is not done by surprise.
    let (action, asked) = manager.asks(order, ChatStep::Cancel);
    let mut late = publish(Some(own), 1, &asked);
    let time = late.headers.iter_mut().find(|(name, _)| name == contracts::header::TIME).unwrap();
    time.1 = (Clock::now() - std::time::Duration::from_secs(7_200)).to_rfc3339().into_bytes();
    world.scene.send(&[late]).await;
    assert_eq!(refusal(&world, action).await, (StepRefusal::TooLate, None));
    knows(&world, &manager.with(Role::Viewer, true, 2)).await;
    let (action, asked) = manager.asks(order, ChatStep::Pack);
    world.scene.publish(1, &asked).await;
    assert_eq!(refusal(&world, action).await, (StepRefusal::NotPermitted, None));
    world.reaches(order, "confirmed").await;
    world.stop().await;
}

/// What is known of who may do what, as it would be said aloud.
const KNOWN: &str = "select string_agg(concat_ws(' ', membership, user_id, permissions, active, version), '; '
                                       order by membership) from members";

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_makes_a_damaged_copy_of_who_may_do_what_as_the_topic_says() {
    let world = World::connected().await;
    let organisation = world.scene.organisation();
    let (stays, left, else_where) =
        (Person::of(organisation), Person::of(organisation), Person::of(world.scene.other_organisation()));
    knows(&world, &stays.with(Role::Viewer, true, 1)).await;
    for state in [
        stays.with(Role::OrderManager, true, 2),
        left.with(Role::Owner, false, 3),
        else_where.with(Role::Owner, true, 1),
    ] {
        knows(&world, &state).await;
    }
    let live = world.value(KNOWN).await;
    let kafka = world.scene.messaging();
    let report = events::rebuild_members(world.mediator(), &kafka).await.unwrap();
    assert_eq!((report.unreadable, report.dropped), (0, 0), "a sound copy loses nothing");
    assert_eq!(world.value(KNOWN).await, live);

    // Somebody gave a person rights, brought one back, made one up, lost one, and claims a version that auth never said.
    let made_up = Person::of(organisation);
    world
        .execute(&format!(
            "update members set permissions = 'order:read order:write', version = 99 where membership = '{}';
             update members set active = true where membership = '{}';
             delete from members where membership = '{}';
             insert into members (org_id, membership, user_id, permissions, active, version)
             values ('{}', '{}', '{}', 'order:write', true, 1)",
            stays.membership.uuid(),
            left.membership.uuid(),
            else_where.membership.uuid(),
            organisation.uuid(),
            made_up.membership.uuid(),
            made_up.user.uuid(),
        ))
        .await;
    assert_ne!(world.value(KNOWN).await, live);
    let report = events::rebuild_members(world.mediator(), &kafka).await.unwrap();
    assert_eq!(report.dropped, 2, "the one from the future and the one from nowhere");
    assert_eq!(world.value(KNOWN).await, live);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_do_what_goes_on_being_heard_while_it_is_rebuilt() {
    let world = World::connected().await;
    let person = Person::of(world.scene.organisation());
    knows(&world, &person.with(Role::Viewer, true, 1)).await;
    let (mediator, kafka) = (world.mediator().clone(), world.scene.messaging());
    let running = tokio::spawn(async move {
        for _ in 0..3 {
            events::rebuild_members(&mediator, &kafka).await.unwrap();
        }
    });
    for version in 2..=20 {
        let state = person.with(Role::Viewer, true, version);
        world.scene.send(&[publish(Some(person.organisation), version, &state)]).await;
    }
    running.await.unwrap();
    let version = format!("select version from members where membership = '{}'", person.membership.uuid());
    eventually(PATIENCE, async || {
        let seen = world.value(&version).await;
        if seen == "20" { Ok(()) } else { Err(seen) }
    })
    .await;
    world.stop().await;
}
