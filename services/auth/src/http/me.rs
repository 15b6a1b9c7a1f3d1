//! The caller's own account.

use access::Caller;
use rest::{App, Problem, Staff, problems};

use crate::{domain::Membership, queries::FindUser};

pub(super) async fn find(app: App, by: Staff) -> Result<rest::Ok<Membership>, Problem> {
    let Caller::Staff { user, .. } = by.caller else { return Err(Problem::new(problems::UNAUTHENTICATED)) };
    Ok(rest::Ok(app.ask(&by, FindUser { user }).await?))
}
