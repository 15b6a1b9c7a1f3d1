//! What the tenant role sees in a batch. The rule: the rows of the batch's organisations and no others.

use tokio_postgres::Client;

use crate::scene::Scene;

/// The rows of a table that the tenant role sees in a batch of an unknown organisation, in one of the scene's organisation,
/// and in one of both of the scene's organisations.
///
/// # Panics
/// When the database refuses to tell.
pub async fn seen_by_batches(scene: &Scene, app: &Client, table: &str) -> [i64; 3] {
    let unknown = kernel::OrganisationId::new();
    let (own, other) = (scene.organisation(), scene.other_organisation());
    let mut seen = [0; 3];
    for (seen, batch) in seen.iter_mut().zip([vec![unknown], vec![own], vec![own, other]]) {
        let organisations: Vec<String> = batch.iter().map(|organisation| organisation.uuid().to_string()).collect();
        let count = format!(
            "reset app.org; set app.orgs = '{{{}}}'; select count(*) from {table}; reset app.orgs",
            organisations.join(",")
        );
        let answers = app.simple_query(&count).await.unwrap_or_else(|error| panic!("{table} in a batch: {error}"));
        let count = answers.iter().find_map(|answer| match answer {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
            _ => None,
        });
        *seen = count.unwrap_or_default();
    }
    seen
}
