//! Who may ask the notifier for its platform work: its own parts, and nobody else.

use std::sync::Arc;
use std::time::Duration;

use access::{Permission, Role};
use mediator::{Scope, SendError};
use notifier::commands::{
    ClaimDeliveries, ClaimReading, DeleteSent, ForgetOrders, HandleUpdate, NoteToken, RecordHeartbeats, RegisterChat,
    ReleaseReading, RestartReading, RetryFailed, SettleMessage, TakeAnswer,
};
use notifier::domain::{Batch, BotId, ButtonSeal, Lane, Lease, Outcome, Target, Way};
use notifier::queries::{CountBacklog, ListObstacles, ListTargets};

use crate::stage::{PATIENCE, Stage};

#[track_caller]
fn assert_forbidden<T, E>(result: Result<T, SendError<E>>) {
    assert!(matches!(result, Err(SendError::Forbidden { permission: Permission::System })));
}

#[tokio::test(flavor = "multi_thread")]
async fn platform_commands_and_queries_are_refused_to_an_owner_and_change_nothing() {
    let stage = Stage::new().await;
    let organisation = stage.scene.organisation();
    let owner = Scope::platform(testkit::someone(organisation, &[Role::Owner]).caller());
    let mediator = stage.scene.mediator();
    let chat = stage.settings().chat;
    let voice = stage.settings().voice;
    let (lease, bot) = (Lease::new(), || BotId::of_token("7:x"));
    let batch = Batch {
        target: Target::Configured,
        lane: Lane::of_chat(&chat),
        endpoint: stage.configured().endpoint,
        voice,
        lease,
        way: Way::New,
        deliveries: Vec::new(),
    };
    let settle = SettleMessage { batch: Arc::new(batch), outcome: Outcome::Limited { retry_after: PATIENCE } };
    let duration = Duration::from_secs(1);
    let claim = ClaimDeliveries {
        target: Target::Configured,
        configured: stage.configured(),
        per_minute: None,
        lease: duration,
        limit: 1,
    };

    assert_forbidden(mediator.send(&owner, RegisterChat { chat: chat.clone() }).await);
    assert_forbidden(mediator.send(&owner, claim).await);
    assert_forbidden(mediator.send(&owner, settle).await);
    assert_forbidden(mediator.send(&owner, RetryFailed { chat: chat.clone() }).await);
    let record = RecordHeartbeats { configured: chat.clone(), configured_at: None };
    assert_forbidden(mediator.send(&owner, record).await);
    assert_forbidden(mediator.send(&owner, DeleteSent { keep_days: 0 }).await);
    assert_forbidden(mediator.send(&owner, ForgetOrders { keep_days: 0 }).await);
    assert_forbidden(mediator.ask(&owner, CountBacklog).await);
    assert_forbidden(mediator.ask(&owner, ListObstacles { configured: chat }).await);
    assert_forbidden(mediator.ask(&owner, ListTargets { outside: false, mail: false }).await);
    assert_forbidden(mediator.send(&owner, ClaimReading { bot: bot(), lease, duration }).await);
    assert_forbidden(
        mediator
            .send(
                &owner,
                HandleUpdate {
                    bot: bot(),
                    lease,
                    update: 1,
                    own_name: String::new(),
                    heard: None,
                    configured: stage.settings().chat,
                    seal: ButtonSeal::of_bot("7:x"),
                },
            )
            .await,
    );
    assert_forbidden(mediator.send(&owner, ReleaseReading { bot: bot(), lease }).await);
    assert_forbidden(mediator.send(&owner, RestartReading { bot: bot(), lease, first: 1, last: 1 }).await);
    let take = TakeAnswer { chat: stage.settings().chat, configured: stage.settings().chat, per_minute: None };
    assert_forbidden(mediator.send(&owner, take).await);
    assert_forbidden(mediator.send(&owner, NoteToken { refused: None }).await);
    assert!(stage.superuser.query("select 1 from budgets", &[]).await.unwrap().is_empty());
}
