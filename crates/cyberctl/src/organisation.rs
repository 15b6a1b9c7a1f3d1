//! Creating an organisation, through the gateway.

use std::time::Duration;

use kernel::{Currency, Slug};
use serde_json::{Value, json};

use crate::arguments::Create;
use crate::environment::Environment;
use crate::error::Error;
use crate::report::{Report, short};
use crate::services::{answer, client};

pub(crate) async fn create(environment: &Environment, request: &Create) -> Result<Report, Error> {
    let malformed = |what: &str| {
        let what = what.to_owned();
        move |error: kernel::Malformed| Error::Malformed { what, reason: error.to_string() }
    };
    let slug = Slug::parse(&request.slug).map_err(malformed("--slug"))?;
    let currency = Currency::parse(&request.currency).map_err(malformed("--currency"))?;
    let gateway = environment.required("GATEWAY_URL", "the address of the gateway")?;
    let setup = environment.secret("SETUP_TOKEN", "the token that auth was started with")?;
    let password = environment.secret("OWNER_PASSWORD", "the first owner's password")?;

    let address = format!("{}/auth/v1/organisations", gateway.trim_end_matches('/'));
    let body = json!({
        "slug": slug.as_str(),
        "name": request.name,
        "currency": currency.code(),
        "owner": { "email": request.owner_email, "password": password, "name": request.owner_name },
    });
    let call = client(Duration::from_secs(20))?
        .post(&address)
        .header("X-Setup-Token", setup)
        .header("Idempotency-Key", uuid::Uuid::now_v7().to_string())
        .json(&body);
    let (status, reply) = answer(call, &address).await?;
    if !(200..300).contains(&status) {
        return Err(Error::Refused { address, status, body: problem(&reply) });
    }
    let created: Value = serde_json::from_str(&reply).unwrap_or(Value::Null);
    let text = format!(
        "Created the organisation {slug}. Its shop is at {}/store/v1/{slug}, its owner logs in as {}.",
        gateway.trim_end_matches('/'),
        request.owner_email
    );
    Ok(Report::new(text, &created, true))
}

/// A problem document in one line: title, detail, and every field with its reason.
fn problem(body: &str) -> String {
    let Ok(problem) = serde_json::from_str::<Value>(body) else { return short(body, 500) };
    let word = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut words = vec![word(&problem, "title"), word(&problem, "detail")];
    for error in problem.get("errors").and_then(Value::as_array).into_iter().flatten() {
        words.push(format!("{} {}", word(error, "field"), word(error, "reason")));
    }
    words.retain(|word| !word.trim().is_empty());
    short(&words.join("; "), 500)
}

#[cfg(test)]
mod tests {
    use super::problem;

    #[test]
    fn a_problem_is_shown_with_every_field_and_reason() {
        let body = r#"{"title":"Invalid","detail":"Two fields are wrong.","errors":[
            {"field":"slug","reason":"is taken"},{"field":"owner.email","reason":"is no address"}]}"#;
        assert_eq!(problem(body), "Invalid; Two fields are wrong.; slug is taken; owner.email is no address");
        assert_eq!(problem("not json"), "not json");
    }
}
