//! The caller's own account, in the organisation of the access token.

use rest::{App, Person, Problem};

use crate::{domain::Membership, queries::FindUser};

pub(super) async fn find(app: App, by: Person) -> Result<rest::Ok<Membership>, Problem> {
    Ok(rest::Ok(app.ask(&by.within(by.organisation()?), FindUser { user: by.user() }).await?))
}
