-- Queries that an organisation has given names.
create table saved_views (
    org_id uuid not null,
    view_id uuid not null,
    -- The lowest of 1 to 200 that was free: who saves one at the same time as another asks for the same place and is tried again, so
    -- the bound holds.
    place integer not null,
    entity text not null,
    name text collate "C" not null,
    -- As it was sent, so that it is readable when a field that it names has gone.
    query jsonb not null,
    version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint saved_views_pkey primary key (org_id, view_id),
    constraint saved_views_name_key unique (org_id, entity, name),
    constraint saved_views_place_key unique (org_id, place),
    constraint saved_views_are_bounded check (place between 1 and 200),
    constraint saved_views_entity_known check (entity in ('products', 'variants')),
    -- Spaces that PostgreSQL writes are counted here and not where a query is sent.
    constraint saved_views_query_bounded check (jsonb_typeof(query) = 'object' and octet_length(query::text) <= 65536),
    constraint saved_views_version_positive check (version > 0)
);

alter table saved_views enable row level security;
alter table saved_views force row level security;
create policy tenant on saved_views to catalog_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
grant select, insert, delete on saved_views to catalog_app;
grant update (name, query, version, updated_at) on saved_views to catalog_app;
