//! Many orders at once: Telegram's limits are kept, and every fact is told.

use contracts::topics;
use kernel::OrderId;

use crate::stage::{Stage, facts_in, placed};

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_500_events_violates_no_limit_and_loses_no_fact() {
    let stage = Stage::new().await;
    stage.scene.topics(&[topics::ORDER]).await;
    let records: Vec<_> = (0..500).map(|_| stage.record(1, &placed(OrderId::new()))).collect();
    // One of them stands at the start and many come while messages are on their way.
    stage.scene.send(&records[..250]).await;
    let replica = stage.replica().await;
    stage.scene.send(&records[250..]).await;
    stage.told(500).await;

    assert_eq!(stage.telegram.refused(), 0, "Telegram never had to say 429");
    let messages = stage.telegram.messages();
    assert_eq!(messages.iter().map(facts_in).sum::<i64>(), 500);
    assert!(messages.len() < 50, "a backlog is told in few messages: {}", messages.len());
    // Each row knows its message, and that message counted it.
    let rows =
        stage.superuser.query("select message_id, count(*) from deliveries group by message_id", &[]).await.unwrap();
    assert_eq!(rows.len(), messages.len());
    for row in rows {
        let (id, rows): (i64, i64) = (row.get(0), row.get(1));
        let message = messages.iter().find(|message| message.message_id == id).unwrap();
        assert_eq!(facts_in(message), rows, "{}", message.text);
    }
    let digest = messages.iter().find(|message| message.text.starts_with("📋")).expect("a digest");
    assert!(digest.text.contains("orders placed"), "{}", digest.text);
    replica.stop().await;
}
