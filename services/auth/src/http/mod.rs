//! The route table. Permissions stand on the commands and queries; handlers only translate.

mod api_keys;
mod customers;
mod invitations;
mod logins;
mod me;
mod members;
mod memberships;
mod operators;
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
        AcceptInvitation, AdmitLogin, ChangeCustomerPassword, ChangeMember, ChangeOrganisation, ChangePassword,
        ChangeRole, CreateApiKey, CreateOperator, CreateOrganisation, CreateRole, DeleteRole, EndCustomerSessions,
        EndSessions, InviteMember, LeaveOrganisation, NoteApiKeyUse, RefreshSession, RegisterCustomer, RemoveMember,
        RequestPasswordReset, ResendInvitation, ResetPassword, RevokeApiKey, RevokeInvitation, RotateSigningKeys,
        SuspendOrganisation,
    },
    queries::{
        FindAnyOrganisation, FindCustomer, FindInvitation, FindOrganisation, FindOwnAccount, FindOwnApiKey,
        FindOwnCustomer, FindUser, ListApiKeys, ListCustomerSessions, ListInvitations, ListMembers, ListOrganisations,
        ListRoles, ListSessions,
    },
};

/// Every route of this service.
#[must_use]
pub fn routes() -> Routes {
    let api = Api::new("auth", "Organisations, their people, logins, API keys and the keys that verify access tokens");
    installation(shop(managing(account(api.problems(&problems::ALL))))).finish()
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
        op.summary(
            "Exchange a refresh token for the next one and an access token, for the same or another organisation",
        )
        .sends::<RefreshSession>()
        .problems(&[problems::SESSION_OVER, problems::NOT_A_MEMBER, rest::problems::ORGANISATION_SUSPENDED])
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
            .problems(&[problems::LOGIN_LOCKED])
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
            .problems(&[problems::TOKEN_REFUSED, problems::ALREADY_IN, problems::TOO_MANY])
            .problems(&[problems::LOGIN_REFUSED, problems::LOGIN_LOCKED, rest::problems::ORGANISATION_SUSPENDED])
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
    .get("/auth/v1/me", me::find, |op| op.summary("Who the access token stands for").asks::<FindUser>())
}

/// What a shop's customers do with their accounts in it.
fn shop(api: Api) -> Api {
    api.post("/store/v1/{organisation}/customers", customers::register, |op| {
        op.summary("Make a customer's account in the shop, and log in to it")
            .sends::<RegisterCustomer>()
            .problems(&[problems::CUSTOMER_EXISTS, rest::problems::ORGANISATION_NOT_FOUND])
    })
    .post("/store/v1/{organisation}/customers/login", customers::log_in, |op| {
        op.summary("Log in as a customer of the shop").asks::<FindCustomer>().id("auth.log-in-customer").problems(&[
            problems::LOGIN_REFUSED,
            problems::LOGIN_LOCKED,
            rest::problems::ORGANISATION_NOT_FOUND,
        ])
    })
    .post("/store/v1/{organisation}/customers/logout", customers::log_out, |op| {
        op.summary("End the session of the customer's access token")
            .sends::<EndCustomerSessions>()
            .id("auth.log-out-customer")
    })
    .get("/store/v1/{organisation}/customers/me", customers::find, |op| {
        op.summary("Who the customer's access token stands for").asks::<FindOwnCustomer>()
    })
    .get("/store/v1/{organisation}/customers/me/sessions", customers::list_sessions, |op| {
        op.summary("The customer's open sessions").asks::<ListCustomerSessions>()
    })
    .post("/store/v1/{organisation}/customers/me/sessions/end-all", customers::end_all_sessions, |op| {
        op.summary("End all of the customer's sessions, this one too")
            .sends::<EndCustomerSessions>()
            .id("auth.end-all-customer-sessions")
    })
    .post("/store/v1/{organisation}/customers/me/sessions/{session}/end", customers::end_session, |op| {
        op.summary("End one of the customer's sessions").sends::<EndCustomerSessions>()
    })
    .post("/store/v1/{organisation}/customers/me/password", customers::change_password, |op| {
        op.summary("Change the customer's password, which ends the other sessions")
            .sends::<ChangeCustomerPassword>()
            .problems(&[problems::LOGIN_LOCKED])
    })
    .post("/store/v1/{organisation}/customers/password-resets", customers::request_reset, |op| {
        op.summary("Have a token delivered that allows a customer to choose a new password")
            .sends::<RequestPasswordReset>()
            .id("auth.request-customer-password-reset")
            .problems(&[rest::problems::ORGANISATION_NOT_FOUND])
    })
    .post("/store/v1/{organisation}/customers/password-resets/redeem", customers::reset_password, |op| {
        op.summary("Choose a customer's new password with a delivered token, which ends all sessions")
            .sends::<ResetPassword>()
            .id("auth.reset-customer-password")
            .problems(&[problems::TOKEN_REFUSED, rest::problems::ORGANISATION_NOT_FOUND])
    })
}

/// What belongs to those who run the installation.
fn installation(api: Api) -> Api {
    api.post("/auth/v1/operators", operators::create, |op| {
        op.summary("Make an operator of the installation; needs the setup token")
            .sends::<CreateOperator>()
            .problems(&[problems::SETUP_REFUSED, problems::LOGIN_LOCKED])
    })
    .post("/auth/v1/operators/login", operators::log_in, |op| {
        op.summary("Log in as an operator")
            .sends::<AdmitLogin>()
            .id("auth.log-in-operator")
            .problems(&[problems::LOGIN_REFUSED, problems::LOGIN_LOCKED])
    })
    .get("/platform/v1/organisations", operators::list, |op| {
        op.summary("The organisations of the installation").asks::<ListOrganisations>()
    })
    .get("/platform/v1/organisations/{organisation}", operators::find, |op| {
        op.summary("One organisation of the installation")
            .asks::<FindAnyOrganisation>()
            .problems(&[rest::problems::ORGANISATION_NOT_FOUND])
    })
    .post("/platform/v1/organisations", organisations::create_by_operator, |op| {
        op.summary("Create an organisation with its first owner, as an operator")
            .sends::<CreateOrganisation>()
            .id("auth.create-organisation-as-operator")
            .problems(&[problems::SLUG_TAKEN, problems::ALREADY_CREATED, problems::LOGIN_LOCKED])
    })
    .post("/platform/v1/organisations/{organisation}/suspend", operators::suspend, |op| {
        op.summary("Suspend an organisation: its members and programs are refused, and its shop is closed")
            .sends::<SuspendOrganisation>()
            .problems(&[rest::problems::ORGANISATION_NOT_FOUND])
    })
    .post("/platform/v1/organisations/{organisation}/resume", operators::resume, |op| {
        op.summary("Let a suspended organisation go on")
            .sends::<SuspendOrganisation>()
            .id("auth.resume-organisation")
            .problems(&[rest::problems::ORGANISATION_NOT_FOUND])
    })
    .post("/platform/v1/signing-keys/rotate", signing_keys::rotate, |op| {
        op.summary("Announce the next signing key now").sends::<RotateSigningKeys>()
    })
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
    .get("/admin/v1/invitations/{invitation}", invitations::find, |op| {
        op.summary("One invitation").asks::<FindInvitation>()
    })
    .post("/admin/v1/invitations", invitations::create, |op| {
        op.summary("Invite somebody").sends::<InviteMember>().problems(&[
            problems::ALREADY_IN,
            problems::BEYOND_OWN,
            problems::ALREADY_OVER,
            problems::TOO_MANY,
        ])
    })
    .post("/admin/v1/invitations/{invitation}/resend", invitations::resend, |op| {
        op.summary("Send an invitation again, with a new token")
            .sends::<ResendInvitation>()
            .problems(&[problems::ALREADY_OVER, problems::BEYOND_OWN])
    })
    .post("/admin/v1/invitations/{invitation}/revoke", invitations::revoke, |op| {
        op.summary("Take an invitation back")
            .sends::<RevokeInvitation>()
            .problems(&[problems::ALREADY_OVER, problems::BEYOND_OWN])
    })
    .get("/admin/v1/roles", roles::list, |op| op.summary("The roles that people can have").asks::<ListRoles>())
    .post("/admin/v1/roles", roles::create, |op| {
        op.summary("Make a role").sends::<CreateRole>().problems(&[
            problems::ROLE_TAKEN,
            problems::BEYOND_OWN,
            problems::TOO_MANY,
        ])
    })
    .get("/admin/v1/roles/{role}", roles::find, |op| op.summary("One role").asks::<ListRoles>().id("auth.find-role"))
    .patch("/admin/v1/roles/{role}", roles::change, |op| {
        op.summary("Give a role other permissions").sends::<ChangeRole>().problems(&[problems::BEYOND_OWN])
    })
    .post("/admin/v1/roles/{role}/delete", roles::remove, |op| {
        op.summary("Remove a role that nobody has")
            .sends::<DeleteRole>()
            .problems(&[problems::ROLE_IN_USE, problems::BEYOND_OWN])
    })
    .get("/admin/v1/api-keys", api_keys::list, |op| op.summary("The API keys").asks::<ListApiKeys>())
    .get("/admin/v1/api-keys/{key}", api_keys::find, |op| op.summary("One API key").asks::<FindOwnApiKey>())
    .post("/admin/v1/api-keys", api_keys::create, |op| {
        op.summary("Make an API key, whose secret is shown in this reply only").sends::<CreateApiKey>().problems(&[
            problems::BEYOND_OWN,
            problems::ALREADY_OVER,
            problems::TOO_MANY,
        ])
    })
    .post("/admin/v1/api-keys/{key}/revoke", api_keys::revoke, |op| {
        op.summary("Revoke an API key")
            .sends::<RevokeApiKey>()
            .problems(&[problems::ALREADY_OVER, problems::BEYOND_OWN])
    })
}
