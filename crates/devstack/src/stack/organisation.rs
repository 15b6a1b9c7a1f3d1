//! The demo organisation and its owner, created through the gateway like any other.

use std::time::{Duration, Instant};

use devstack::Error;
use reqwest::{Client, StatusCode};
use serde_json::json;

use super::{EnvFile, Report};

/// How long a gateway may take to reach auth, when both have just started.
const PATIENCE: Duration = Duration::from_secs(30);

/// Creates the organisation, unless its owner can log in already.
pub(crate) async fn ensure(env: &EnvFile, report: &Report) -> Result<(), Error> {
    let client =
        Client::builder().timeout(Duration::from_secs(10)).build().map_err(Error::http("make an HTTP client"))?;
    let gateway = env.required("GATEWAY_URL")?;
    let (slug, email, password) =
        (env.required("DEMO_ORGANISATION")?, env.required("DEMO_EMAIL")?, env.required("DEMO_PASSWORD")?);
    let login = json!({"organisation": slug, "email": email, "password": password});
    let organisation = json!({
        "slug": slug, "name": "Northwind Outlet", "currency": "USD",
        "owner": {"email": email, "password": password, "name": "Demo Owner"},
    });
    let deadline = Instant::now() + PATIENCE;
    loop {
        let reply = client.post(format!("{gateway}/auth/v1/login")).json(&login).send().await;
        match reply {
            Ok(reply) if reply.status().is_success() => {
                report.done("organisation", &format!("{slug}, its owner can log in"));
                return Ok(());
            }
            // It does not exist, or its password is another one: creating it will tell.
            Ok(reply)
                if matches!(
                    reply.status(),
                    StatusCode::UNAUTHORIZED
                        | StatusCode::NOT_FOUND
                        | StatusCode::FORBIDDEN
                        | StatusCode::UNPROCESSABLE_ENTITY
                ) =>
            {
                let made = client
                    .post(format!("{gateway}/auth/v1/organisations"))
                    .header("X-Setup-Token", env.required("SETUP_TOKEN")?)
                    .header("Idempotency-Key", format!("make-up-{slug}"))
                    .json(&organisation)
                    .send()
                    .await
                    .map_err(Error::http("create the demo organisation"))?;
                if made.status() == StatusCode::CONFLICT {
                    return Err(Error::Refused(format!(
                        "an organisation {slug} exists already with another owner or password: the database was not created by this .dev folder. Set DEMO_ORGANISATION to another slug"
                    )));
                }
                if !made.status().is_success() && Instant::now() > deadline {
                    return Err(Error::status("create the demo organisation", made).await);
                }
                if made.status().is_success() {
                    report.done("organisation", &format!("{slug} created with its owner {email}"));
                    return Ok(());
                }
            }
            Ok(reply) if Instant::now() > deadline => {
                return Err(Error::status("log in as the demo owner", reply).await);
            }
            Err(error) if Instant::now() > deadline => return Err(Error::http("log in as the demo owner")(error)),
            Ok(_) | Err(_) => {}
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
