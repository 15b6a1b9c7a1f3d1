//! What auth publishes, one event of each shape.
//! The rule: secrets are as long as real ones and open nothing.

use contracts::auth::{
    AccountEvent, ApiKeyState, CustomerAccountEvent, CustomerLoginAttemptsNoticed, CustomerPasswordChanged,
    CustomerPasswordResetRequested, DeliveredToken, EndedSessionState, InvitationEvent, InvitationIssued,
    LoginAttemptsNoticed, MembershipState, OrganisationState, PasswordChanged, PasswordResetRequested, SigningKeyState,
};
use kernel::{
    ApiKeyId, Currency, CustomerId, InvitationId, KeyId, MembershipId, OrganisationId, SessionId, Slug, Timestamp,
    UserId,
};

use super::{Sample, sample, time, uuid};

fn organisation() -> OrganisationId {
    OrganisationId::from_uuid(uuid(0x01))
}

fn user() -> UserId {
    UserId::from_uuid(uuid(0x02))
}

fn customer() -> CustomerId {
    CustomerId::from_uuid(uuid(0x09))
}

fn email() -> String {
    "linh@bright-lamps.example".to_owned()
}

fn later() -> Timestamp {
    time("2026-03-08T09:30:00.123456Z")
}

pub(super) fn samples() -> Vec<Sample> {
    let key = SigningKeyState {
        kid: KeyId::from_uuid(uuid(0x03)),
        algorithm: "EdDSA".to_owned(),
        public_key: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".to_owned(),
        not_before: time("2026-03-01T00:00:00Z"),
        retired_at: None,
    };
    let retired = SigningKeyState { retired_at: Some(time("2026-04-01T00:00:00Z")), ..key.clone() };
    let lamps = OrganisationState {
        organisation: organisation(),
        slug: Slug::parse("bright-lamps").unwrap(),
        name: "Bright Lamps Ltd".to_owned(),
        currency: Currency::parse("USD").unwrap(),
        country: None,
        time_zone: None,
        guests: None,
        active: true,
        version: 1,
    };
    let mut samples = vec![
        sample("", None, "system:auth", key),
        sample("retired", None, "system:auth", retired),
        sample("", Some(organisation()), "visitor", lamps),
    ];
    samples.extend(standings());
    samples.extend(api_keys());
    samples.extend(deliveries());
    samples
}

fn standings() -> [Sample; 3] {
    let manager = MembershipState {
        membership: MembershipId::from_uuid(uuid(0x04)),
        organisation: organisation(),
        user: user(),
        roles: vec!["order-manager".to_owned()],
        permissions: vec!["order:read".to_owned(), "order:write".to_owned()],
        active: true,
        version: 2,
    };
    let left = MembershipState { roles: vec![], permissions: vec![], active: false, version: 3, ..manager.clone() };
    let ended =
        EndedSessionState { session: SessionId::from_uuid(uuid(0x05)), ended_at: time("2026-03-01T09:30:00.123456Z") };
    let user = user().to_string();
    [
        sample("", Some(organisation()), &user, manager),
        sample("left", Some(organisation()), &user, left),
        sample("", None, &user, ended),
    ]
}

fn api_keys() -> [Sample; 3] {
    let bare = ApiKeyState {
        key: ApiKeyId::from_uuid(uuid(0x06)),
        organisation: organisation(),
        hash: "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg".to_owned(),
        permissions: vec!["product:read".to_owned()],
        networks: vec![],
        expires_at: None,
        revoked_at: None,
    };
    let narrow = ApiKeyState {
        networks: vec!["192.0.2.0/24".to_owned(), "2001:db8::/32".to_owned()],
        expires_at: Some(later()),
        ..bare.clone()
    };
    let revoked = ApiKeyState { revoked_at: Some(time("2026-03-02T00:00:00Z")), ..narrow.clone() };
    let user = user().to_string();
    [
        sample("", Some(organisation()), &user, narrow),
        sample("bare", Some(organisation()), &user, bare),
        sample("revoked", Some(organisation()), &user, revoked),
    ]
}

fn deliveries() -> [Sample; 7] {
    let invited = InvitationIssued {
        invitation: InvitationId::from_uuid(uuid(0x07)),
        organisation: organisation(),
        organisation_name: "Bright Lamps Ltd".to_owned(),
        email: email(),
        token: DeliveredToken::new("aW52aXRhdGlvbi1vZi1hLWdvbGRlbi1maWxlLTAwMDE"),
        expires_at: later(),
    };
    let reset = PasswordResetRequested {
        user: user(),
        email: email(),
        token: DeliveredToken::new("cGFzc3dvcmQtcmVzZXQtb2YtZ29sZGVuLWZpbGUtMDE"),
        expires_at: time("2026-03-01T10:00:00.123456Z"),
    };
    let changed = PasswordChanged { user: user(), email: email(), changed_at: time("2026-03-01T09:30:00.123456Z") };
    let noticed = LoginAttemptsNoticed {
        user: user(),
        email: email(),
        attempts: 5,
        noticed_at: time("2026-03-01T09:30:00.123456Z"),
    };
    let customer_reset = CustomerPasswordResetRequested {
        customer: customer(),
        organisation: organisation(),
        email: email(),
        token: DeliveredToken::new("cGFzc3dvcmQtcmVzZXQtb2YtZ29sZGVuLWZpbGUtMDI"),
        expires_at: time("2026-03-01T10:00:00.123456Z"),
    };
    let customer_changed = CustomerPasswordChanged {
        customer: customer(),
        organisation: organisation(),
        email: email(),
        changed_at: time("2026-03-01T09:30:00.123456Z"),
    };
    let customer_noticed = CustomerLoginAttemptsNoticed {
        customer: customer(),
        organisation: organisation(),
        email: email(),
        attempts: 10,
        noticed_at: time("2026-03-01T09:30:00.123456Z"),
    };
    let person = user().to_string();
    [
        sample("", Some(organisation()), &person, InvitationEvent::from(invited)),
        sample("", None, "visitor", AccountEvent::from(reset)),
        sample("", None, &person, AccountEvent::from(changed)),
        sample("", None, "visitor", AccountEvent::from(noticed)),
        sample("", Some(organisation()), "visitor", CustomerAccountEvent::from(customer_reset)),
        sample("", Some(organisation()), &customer().to_string(), CustomerAccountEvent::from(customer_changed)),
        sample("", Some(organisation()), "visitor", CustomerAccountEvent::from(customer_noticed)),
    ]
}
