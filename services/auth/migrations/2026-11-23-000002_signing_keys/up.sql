-- The keys that sign access tokens. They belong to the platform, which is the organisation of the nil id,
-- so the rule that every row has an organisation and every policy asks for it holds here as well.

create table signing_keys (
    org_id             uuid        not null check (org_id = '00000000-0000-0000-0000-000000000000'),
    -- Derived from the RFC 7638 thumbprint of the public key.
    key_id             uuid        not null,
    public_key         bytea       not null check (octet_length(public_key) = 32),
    -- PKCS #8, sealed with AES-256-GCM under SIGNING_KEY_SECRET. It goes when the row goes.
    sealed_private_key bytea       not null,
    version            bigint      not null check (version >= 1),
    created_at         timestamptz not null,
    -- Until then it is only announced, so that every verifier knows it before the first token comes.
    signs_from         timestamptz not null,
    retired_at         timestamptz check (retired_at > signs_from),
    primary key (org_id, key_id)
);

alter table signing_keys enable row level security;
alter table signing_keys force row level security;
create policy tenant on signing_keys to auth_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
grant select, insert, update, delete on signing_keys to auth_app;
