//! What `cyberctl retry failed-deliveries` does.

use mediator::{Mediator, Scope, SendError};
use serde_json::{Value, json};

use super::Wake;
use crate::commands::RetryFailed;
use crate::domain::Chat;
use crate::error::Error;

/// Makes every failed delivery pending again, for the chat that is configured now, and wakes the sender. The answer is
/// their number: `{"rows": 12}`.
///
/// # Errors
/// When the database is away.
pub async fn retry_failed(mediator: Mediator, chat: Chat, wake: Wake) -> Result<Value, SendError<Error>> {
    let rows = mediator.send(&Scope::platform_system("retry"), RetryFailed { chat }).await?;
    wake.signal();
    Ok(json!({ "rows": rows }))
}
