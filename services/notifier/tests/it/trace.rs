//! One trace id leads from a request to the call to Telegram.

use kernel::OrderId;
use testkit::eventually;

use crate::observation::Observation;
use crate::stage::{PATIENCE, Stage, confirmed, placed};

#[tokio::test(flavor = "multi_thread")]
async fn every_delivery_of_a_combined_message_has_a_span_in_the_trace_of_its_event() {
    let observation = Observation::install();
    let stage = Stage::new().await;
    let trace = |number: u32| format!("{number:032x}");
    let order = OrderId::new();
    let mut records = [stage.record(1, &placed(order)), stage.record(2, &confirmed(order))];
    for (number, record) in (0xa0_u32..).zip(&mut records) {
        let context = format!("00-{}-00000000000000b1-01", trace(number));
        record.headers.push(("traceparent".to_owned(), context.into_bytes()));
    }
    // Another sender has the chat until both are pending, so that one message tells both.
    stage.lease_chat("1 hour").await;
    let replica = stage.replica().await;
    stage.scene.send(&records).await;
    eventually(PATIENCE, async || stage.count("pending").await == 2).await;
    stage.lease_chat("0").await;
    stage.told(2).await;
    assert_eq!(stage.telegram.messages().len(), 1);

    for number in [0xa0, 0xa1] {
        let found = eventually(PATIENCE, async || {
            let of_trace = observation.spans_of(&trace(number));
            of_trace.iter().any(|span| span.name == "telegram sendMessage").then_some(of_trace)
        })
        .await;
        // Parent links lead from the call back to the span that the event came from.
        let call = found.iter().find(|span| span.name == "telegram sendMessage").unwrap();
        let mut parent = call.parent_span_id;
        let mut steps = 0;
        while parent.to_string() != "00000000000000b1" {
            let next = found.iter().find(|span| span.span_context.span_id() == parent);
            parent = next.unwrap_or_else(|| panic!("{parent} is not in the trace")).parent_span_id;
            steps += 1;
            assert!(steps < 10);
        }
    }
    replica.stop().await;
}
