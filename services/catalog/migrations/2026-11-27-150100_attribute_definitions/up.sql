-- The attributes that an organisation's products can have. A definition is never deleted, and of what a value is checked with
-- nothing is ever taken away, so a product's attributes are checked without locking their definitions.
create table attribute_definitions (
    org_id uuid not null,
    code text collate "C" not null,
    type text not null,
    unit text,
    choices text[] not null default '{}',
    -- A locale to the label.
    labels jsonb not null,
    -- 1, 2, 3 …: who creates one at the same time as another asks for the same position and is tried again, so the bound holds.
    position integer not null,
    version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint attribute_definitions_pkey primary key (org_id, code),
    constraint attribute_definitions_position_key unique (org_id, position),
    constraint attribute_definitions_are_bounded check (position between 1 and 500),
    constraint attribute_definitions_type_known
        check (type in ('text', 'number', 'boolean', 'date', 'choice', 'choices')),
    constraint attribute_definitions_version_positive check (version > 0)
);

alter table attribute_definitions enable row level security;
alter table attribute_definitions force row level security;
create policy tenant on attribute_definitions to catalog_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
-- Products of several organisations are created in one transaction, which checks their attributes.
create policy batch on attribute_definitions for select to catalog_app
    using (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]));
-- No delete, and a change is of labels and choices only.
grant select, insert on attribute_definitions to catalog_app;
grant update (choices, labels, version, updated_at) on attribute_definitions to catalog_app;
