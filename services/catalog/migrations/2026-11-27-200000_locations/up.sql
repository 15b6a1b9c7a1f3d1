-- Where pieces are. The stock row of a variant stays the sum, which orders take from; the default location, which has no row here,
-- has whatever no other location has.
create table locations (
    org_id uuid not null,
    code text collate "C" not null,
    name text not null,
    -- The lowest serves first.
    priority integer not null,
    active boolean not null default true,
    version bigint not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint locations_pkey primary key (org_id, code),
    constraint locations_code_free check (code <> 'default')
);
alter table locations enable row level security;
alter table locations force row level security;
create policy tenant on locations to catalog_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
-- None is deleted: the ledger names it.
grant select, insert, update on locations to catalog_app;

-- Pieces at locations other than the default one. Whoever writes a row has locked the stock row of its SKU.
create table location_levels (
    org_id uuid not null,
    sku text collate "C" not null,
    location text collate "C" not null,
    on_hand bigint not null,
    constraint location_levels_pkey primary key (org_id, sku, location),
    constraint location_levels_location_fkey foreign key (org_id, location) references locations (org_id, code),
    constraint location_levels_not_negative check (on_hand >= 0)
);
alter table location_levels enable row level security;
alter table location_levels force row level security;
create policy tenant on location_levels to catalog_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
grant select, insert, update on location_levels to catalog_app;

-- The sum of the SKU's rows in `location_levels`. Rows of before belong to the default location.
alter table stock
    add column located bigint not null default 0,
    add constraint stock_located_not_negative check (located >= 0),
    add constraint stock_located_is_there check (on_hand >= located);
-- Where the pieces came or went; nothing is the default location. Reservations and holds are of the sum.
alter table movements add column location text collate "C";
