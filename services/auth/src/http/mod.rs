//! The route table. Permissions stand on the commands and queries; handlers only translate.

mod api_keys;
mod invitations;
mod logins;
mod me;
mod members;
mod memberships;
mod organisations;
mod passwords;
mod problems;
mod roles;
mod sessions;
mod signing_keys;

use rest::{Api, Routes};

pub use self::passwords::Resets;
use crate::{
    commands::{
        AcceptInvitation, AdmitLogin, ChangeMember, ChangeOrganisation, ChangePassword, ChangeRole, CreateApiKey,
        CreateOrganisation, CreateRole, DeleteRole, EndSessions, InviteMember, LeaveOrganisation, NoteApiKeyUse,
        RefreshSession, RemoveMember, RequestPasswordReset, ResendInvitation, ResetPassword, RevokeApiKey,
        RevokeInvitation, SwitchOrganisation, TendSigningKeys,
    },
    queries::{
        FindOrganisation, FindOwnAccount, FindUser, ListApiKeys, ListInvitations, ListMembers, ListRoles, ListSessions,
    },
};

/// Every route of this service.
#[must_use]
pub fn routes() -> Routes {
    let api = Api::new("auth", "Organisations, their people, logins, API keys and the keys that verify access tokens");
    managing(account(api.problems(&problems::ALL))).finish()
}

/// What belongs to no organisation: logging in and one's own account.
fn account(api: Api) -> Api {
    api.post("/auth/v1/organisations", organisations::create, |op| {
        op.summary("Create an organisation with its first owner")
            .sends::<CreateOrganisation>()
            .problems(&problems::CREATE)
    })
    .post("/auth/v1/login", logins::create, |op| {
        op.summary("Log in and get an access token and a refresh token")
            .sends::<AdmitLogin>()
            .problems(&problems::LOGIN)
    })
    .post("/auth/v1/refresh", logins::refresh, |op| {
        op.summary("Exchange a refresh token for an access token and the next refresh token")
            .sends::<RefreshSession>()
            .problems(&[problems::SESSION_OVER, problems::NOT_A_MEMBER])
    })
    .post("/auth/v1/switch", logins::switch, |op| {
        op.summary("Turn the session to another organisation and get an access token for it")
            .sends::<SwitchOrganisation>()
            .problems(&[problems::NOT_A_MEMBER])
    })
    .post("/auth/v1/logout", sessions::log_out, |op| {
        op.summary("End the session of the access token").sends::<EndSessions>().id("auth.log-out")
    })
    .get("/auth/v1/sessions", sessions::list, |op| op.summary("One's open sessions").asks::<ListSessions>())
    .post("/auth/v1/sessions/end-all", sessions::end_all, |op| {
        op.summary("End all of one's sessions, this one too").sends::<EndSessions>().id("auth.end-all-sessions")
    })
    .post("/auth/v1/sessions/{session}/end", sessions::end, |op| {
        op.summary("End one of one's sessions").sends::<EndSessions>()
    })
    .post("/auth/v1/password", passwords::change, |op| {
        op.summary("Change one's password, which ends one's other sessions")
            .sends::<ChangePassword>()
            .problems(&[problems::LOGIN_REFUSED, problems::LOGIN_LOCKED])
    })
    .post("/auth/v1/password-resets", passwords::request, |op| {
        op.summary("Have a token delivered that allows choosing a new password").sends::<RequestPasswordReset>()
    })
    .post("/auth/v1/password-resets/redeem", passwords::reset, |op| {
        op.summary("Choose a new password with a delivered token, which ends all sessions")
            .sends::<ResetPassword>()
            .problems(&[problems::TOKEN_REFUSED])
    })
    .post("/auth/v1/invitations/accept", invitations::accept, |op| {
        op.summary("Join an organisation with an invitation, and log in to it")
            .sends::<AcceptInvitation>()
            .problems(&[problems::TOKEN_REFUSED, problems::ALREADY_IN])
            .problems(&problems::LOGIN)
    })
    .get("/auth/v1/memberships", memberships::list, |op| {
        op.summary("The organisations that one works for").asks::<FindOwnAccount>()
    })
    .post("/auth/v1/memberships/leave", memberships::leave, |op| {
        op.summary("Leave the organisation of the access token")
            .sends::<LeaveOrganisation>()
            .problems(&[problems::LAST_OWNER, problems::NOT_A_MEMBER])
    })
    .post("/auth/v1/api-keys/token", api_keys::token, |op| {
        op.summary("Exchange an API key for an access token; the gateways do it and pass nobody through")
            .sends::<NoteApiKeyUse>()
            .problems(&[problems::API_KEY_REFUSED])
    })
    .get("/auth/v1/jwks", signing_keys::list, |op| {
        op.summary("The public keys that verify access tokens (RFC 7517)")
            .open("auth.list-signing-keys", "public keys are for everybody")
    })
    .post("/auth/v1/signing-keys/rotate", signing_keys::rotate, |op| {
        op.summary("Announce the next signing key now; needs the setup token")
            .sends::<TendSigningKeys>()
            .id("auth.rotate-signing-keys")
            .problems(&[problems::SETUP_REFUSED])
    })
    .get("/auth/v1/me", me::find, |op| op.summary("Who the access token stands for").asks::<FindUser>())
}

/// What the organisation's staff manages of it.
fn managing(api: Api) -> Api {
    api.get("/admin/v1/organisation", organisations::find, |op| {
        op.summary("The organisation").asks::<FindOrganisation>()
    })
    .patch("/admin/v1/organisation", organisations::change, |op| {
        op.summary("Change what the organisation says of itself").sends::<ChangeOrganisation>()
    })
    .get("/admin/v1/members", members::list, |op| op.summary("The members").asks::<ListMembers>())
    .get("/admin/v1/members/{member}", members::find, |op| {
        op.summary("One member").asks::<ListMembers>().id("auth.find-member")
    })
    .patch("/admin/v1/members/{member}", members::change, |op| {
        op.summary("Give a member other roles").sends::<ChangeMember>().problems(&problems::MEMBER)
    })
    .post("/admin/v1/members/{member}/remove", members::remove, |op| {
        op.summary("Remove a member").sends::<RemoveMember>().problems(&problems::MEMBER)
    })
    .get("/admin/v1/invitations", invitations::list, |op| op.summary("The invitations").asks::<ListInvitations>())
    .post("/admin/v1/invitations", invitations::create, |op| {
        op.summary("Invite somebody").sends::<InviteMember>().problems(&[problems::ALREADY_IN, problems::BEYOND_OWN])
    })
    .post("/admin/v1/invitations/{invitation}/resend", invitations::resend, |op| {
        op.summary("Send an invitation again, with a new token")
            .sends::<ResendInvitation>()
            .problems(&[problems::ALREADY_OVER])
    })
    .post("/admin/v1/invitations/{invitation}/revoke", invitations::revoke, |op| {
        op.summary("Take an invitation back").sends::<RevokeInvitation>().problems(&[problems::ALREADY_OVER])
    })
    .get("/admin/v1/roles", roles::list, |op| op.summary("The roles that people can have").asks::<ListRoles>())
    .post("/admin/v1/roles", roles::create, |op| {
        op.summary("Make a role").sends::<CreateRole>().problems(&[problems::ROLE_TAKEN, problems::BEYOND_OWN])
    })
    .get("/admin/v1/roles/{role}", roles::find, |op| op.summary("One role").asks::<ListRoles>().id("auth.find-role"))
    .patch("/admin/v1/roles/{role}", roles::change, |op| {
        op.summary("Give a role other permissions").sends::<ChangeRole>().problems(&[problems::BEYOND_OWN])
    })
    .post("/admin/v1/roles/{role}/delete", roles::remove, |op| {
        op.summary("Remove a role that nobody has").sends::<DeleteRole>().problems(&[problems::ROLE_IN_USE])
    })
    .get("/admin/v1/api-keys", api_keys::list, |op| op.summary("The API keys").asks::<ListApiKeys>())
    .post("/admin/v1/api-keys", api_keys::create, |op| {
        op.summary("Make an API key, whose secret is shown in this reply only")
            .sends::<CreateApiKey>()
            .problems(&[problems::BEYOND_OWN])
    })
    .post("/admin/v1/api-keys/{key}/revoke", api_keys::revoke, |op| {
        op.summary("Revoke an API key").sends::<RevokeApiKey>().problems(&[problems::ALREADY_OVER])
    })
}
