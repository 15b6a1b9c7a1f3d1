//! The own copy of organisations' names.

use contracts::auth::OrganisationState;
use kernel::{Currency, OrderId, Slug};
use testkit::eventually;

use crate::stage::{PATIENCE, Stage, placed};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_names_the_organisation_and_an_older_name_never_returns() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let state = |version: i64, name: &str| OrganisationState {
        organisation: stage.scene.organisation(),
        slug: Slug::parse("tea-house").unwrap(),
        name: name.to_owned(),
        currency: Currency::parse("USD").unwrap(),
        country: None,
        time_zone: None,
        guests: None,
        active: true,
        version,
    };
    let name = async || {
        let row = stage.superuser.query_opt("select name from organisations", &[]).await.unwrap();
        row.map(|row| row.get::<_, String>(0))
    };
    // Without its state the organisation is named by its id.
    stage.scene.publish(1, &placed(OrderId::new())).await;
    stage.told(1).await;
    assert!(stage.telegram.messages()[0].text.starts_with(&stage.scene.organisation().to_string()));

    stage.scene.publish(2, &state(2, "Tea House")).await;
    eventually(PATIENCE, async || name().await.as_deref() == Some("Tea House")).await;
    stage.scene.publish(1, &state(1, "Old Name")).await;
    stage.scene.publish(2, &state(2, "Tea House")).await;
    stage.scene.publish(1, &placed(OrderId::new())).await;
    stage.told(2).await;
    let text = &stage.telegram.messages()[1].text;
    assert!(text.starts_with("Tea House (tea-house)\n"), "{text}");
    assert_eq!(name().await.as_deref(), Some("Tea House"));
    replica.stop().await;
}
