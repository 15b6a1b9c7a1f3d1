//! The demo organisation and its owner, created through the gateway like any other.

use std::time::Duration;

use backon::{ConstantBuilder, Retryable};
use devstack::Error;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use super::{EnvFile, Report};

/// Creates the organisation, unless its owner can log in already. Tries for 30 s: gateway and auth may just have started.
pub(crate) async fn ensure(env: &EnvFile, report: &Report) -> Result<(), Error> {
    let client =
        Client::builder().timeout(Duration::from_secs(10)).build().map_err(Error::http("make an HTTP client"))?;
    let (slug, email, password) =
        (env.required("DEMO_ORGANISATION")?, env.required("DEMO_EMAIL")?, env.required("DEMO_PASSWORD")?);
    let login = json!({"organisation": slug, "email": email, "password": password});
    let organisation = json!({
        "slug": slug, "name": "Northwind Outlet", "currency": "USD",
        "owner": {"email": email, "password": password, "name": "Demo Owner"},
    });
    let attempt = || async {
        if logs_in(&client, env, &login).await? {
            return Ok(format!("{slug}, its owner can log in"));
        }
        create(&client, env, slug, &organisation).await?;
        Ok(format!("{slug} created with its owner {email}"))
    };
    let every = ConstantBuilder::default().with_delay(Duration::from_millis(200)).with_max_times(150);
    let done = attempt.retry(every).when(|error| !matches!(error, Error::Refused(_))).await?;
    report.done("organisation", &done);
    Ok(())
}

/// False when the organisation does not exist, or its password is another one.
async fn logs_in(client: &Client, env: &EnvFile, login: &Value) -> Result<bool, Error> {
    let url = format!("{}/auth/v1/login", env.required("GATEWAY_URL")?);
    let reply = client.post(url).json(login).send().await.map_err(Error::http("log in as the demo owner"))?;
    match reply.status() {
        status if status.is_success() => Ok(true),
        StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND | StatusCode::FORBIDDEN | StatusCode::UNPROCESSABLE_ENTITY => {
            Ok(false)
        }
        _ => Err(Error::status("log in as the demo owner", reply).await),
    }
}

async fn create(client: &Client, env: &EnvFile, slug: &str, organisation: &Value) -> Result<(), Error> {
    let action = "create the demo organisation";
    let reply = client
        .post(format!("{}/auth/v1/organisations", env.required("GATEWAY_URL")?))
        .header("X-Setup-Token", env.required("SETUP_TOKEN")?)
        .header("Idempotency-Key", format!("make-up-{slug}"))
        .json(organisation)
        .send()
        .await
        .map_err(Error::http(action))?;
    match reply.status() {
        status if status.is_success() => Ok(()),
        StatusCode::CONFLICT => Err(Error::Refused(format!(
            "an organisation {slug} exists already with another owner or password: the database was not created by this .dev folder. Set DEMO_ORGANISATION to another slug"
        ))),
        _ => Err(Error::status(action, reply).await),
    }
}
