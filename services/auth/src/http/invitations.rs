//! Inviting people, and accepting an invitation.

use kernel::{InvitationId, Malformed};
use rest::{App, Body, IdempotencyKey, Origin, Path, Problem, Recorded, Staff, State, Visitor, parses};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    logins::{Token, presented},
    members::{authority, names},
};
use crate::{
    commands::{InviteMember, ResendInvitation, RevokeInvitation},
    credentials::{Credentials, InvitationToken},
    domain::{Email, Invitation, Name, Password, RoleName},
    error::Error,
    processes::join::Join,
    queries::{FindInvitation, FindSentInvitation, ListInvitations},
};

/// The invitation that the path names.
#[derive(Deserialize, JsonSchema)]
pub(super) struct InvitationPath {
    invitation: InvitationId,
}

/// Whom to invite.
#[derive(Deserialize, Serialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct InviteBody {
    /// The address of the person.
    #[garde(custom(parses(Email::choose)))]
    #[schemars(with = "Email")]
    email: String,
    /// The roles that the person will have; one to eight.
    #[garde(length(min = 1, max = 8), inner(custom(parses(RoleName::parse))))]
    #[schemars(length(min = 1, max = 8), with = "Vec<kernel::Slug>")]
    roles: Vec<String>,
}

/// The acceptance of an invitation.
#[derive(Deserialize, JsonSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct AcceptBody {
    /// The invitation's token.
    #[garde(custom(parses(presented)))]
    #[schemars(length(min = 1, max = 128))]
    token: String,
    /// The name of a person who has no account yet.
    #[garde(inner(custom(parses(Name::choose))))]
    #[schemars(with = "Option<Name>")]
    name: Option<String>,
    /// The account's password; for somebody without account the one to have, 15 to 128 characters.
    #[garde(custom(parses(Password::present)))]
    #[schemars(length(min = 1, max = 128))]
    password: String,
}

/// The latest invitations.
#[derive(Serialize, JsonSchema)]
pub(super) struct Invitations {
    /// The newest first.
    items: Vec<Invitation>,
}

/// An invitation with the token that accepts it, which is shown in this reply only.
#[derive(Serialize, JsonSchema)]
pub(super) struct SentInvitation {
    /// The invitation.
    invitation: Invitation,
    /// What the invited person presents. Pass it on where this installation delivers no messages.
    token: String,
}

pub(super) async fn create(
    app: App,
    by: Staff,
    State(credentials): State<Credentials>,
    key: IdempotencyKey,
    Body(body): Body<InviteBody>,
) -> Result<Recorded<SentInvitation>, Problem> {
    let token = |id| secret(&credentials, &by, &key, id);
    let command = body.command(&by, &token(InvitationId::new()))?;
    let sent = app.create(&by, &key, &body, command, |sent| format!("/admin/v1/invitations/{}", sent.id)).await?;
    ensure_good(&app, &by, &sent).await?;
    sent.revealing(|invitation: Invitation| SentInvitation::of(&token(invitation.id), invitation))
}

pub(super) async fn list(app: App, by: Staff) -> Result<rest::Ok<Invitations>, Problem> {
    Ok(rest::Ok(Invitations { items: app.ask(&by, ListInvitations).await? }))
}

pub(super) async fn find(app: App, by: Staff, Path(at): Path<InvitationPath>) -> Result<rest::Ok<Invitation>, Problem> {
    Ok(rest::Ok(app.ask(&by, FindInvitation { invitation: at.invitation }).await?))
}

pub(super) async fn resend(
    app: App,
    by: Staff,
    Path(at): Path<InvitationPath>,
) -> Result<rest::Ok<SentInvitation>, Problem> {
    let token = InvitationToken::random(at.invitation)?;
    let (invitation, authority) = (at.invitation, authority(&by)?);
    let resend = ResendInvitation { invitation, token: token.text(), token_hash: token.hash(), by: authority };
    Ok(rest::Ok(SentInvitation::of(&token, app.send(&by, resend).await?)))
}

pub(super) async fn revoke(
    app: App,
    by: Staff,
    Path(at): Path<InvitationPath>,
) -> Result<rest::Ok<Invitation>, Problem> {
    let revoke = RevokeInvitation { invitation: at.invitation, by: authority(&by)? };
    Ok(rest::Ok(app.send(&by, revoke).await?))
}

pub(super) async fn accept(
    app: App,
    by: Visitor,
    State(credentials): State<Credentials>,
    origin: Origin,
    Body(body): Body<AcceptBody>,
) -> Result<rest::Ok<Token>, Problem> {
    let tokens = body.check(origin)?.run(app.mediator(), &credentials, &by).await?;
    Ok(rest::Ok(Token::from(tokens)))
}

/// A repeat must not show a token as good that has ended since.
async fn ensure_good(app: &App, by: &Staff, sent: &Recorded<Invitation>) -> Result<(), Problem> {
    let Some(shown) = sent.reply().filter(|_| sent.is_replayed()) else { return Ok(()) };
    let now = app.ask(by, FindSentInvitation(FindInvitation { invitation: shown.id })).await?;
    if now.version == shown.version { Ok(()) } else { Err(Error::InvitationOver { invitation: shown.id }.into()) }
}

/// The token that this request makes, and that its repetition shows again.
fn secret(credentials: &Credentials, by: &Staff, key: &IdempotencyKey, id: InvitationId) -> InvitationToken {
    let request = [&by.organisation().to_string(), &by.caller.actor(), key.key().as_str()];
    credentials.derivation.created(id, &request)
}

impl SentInvitation {
    fn of(token: &InvitationToken, invitation: Invitation) -> Self {
        Self { invitation, token: token.text().expose().clone() }
    }
}

impl InviteBody {
    fn command(&self, by: &Staff, token: &InvitationToken) -> Result<InviteMember, Problem> {
        Ok(InviteMember {
            invitation: token.id,
            email: Email::choose(&self.email)?,
            roles: names(&self.roles)?,
            token: token.text(),
            token_hash: token.hash(),
            by: authority(by)?,
        })
    }
}

impl AcceptBody {
    fn check(&self, origin: Origin) -> Result<Join, Malformed> {
        Ok(Join {
            token: presented(&self.token)?,
            name: self.name.as_deref().map(Name::choose).transpose()?,
            password: Password::present(&self.password)?,
            origin,
        })
    }
}
