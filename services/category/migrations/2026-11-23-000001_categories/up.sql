-- The category tree of every organisation. search_path decides the schema; no name of one stands here.

-- One row per organisation, locked first by everything that changes its tree: two moves that are
-- each harmless could close a cycle together.
create table trees (
    org_id   uuid   primary key,
    revision bigint not null check (revision >= 1)
);

create table categories (
    org_id      uuid        not null,
    category_id uuid        not null,
    parent_id   uuid,
    name        text        not null check (char_length(name) between 1 and 120),
    slug        text        not null check (slug ~ '^[a-z0-9-]{1,64}$'),
    -- From the root to the category itself: its length is the depth.
    path        uuid[]      not null check (cardinality(path) between 1 and 8),
    position    integer     not null check (position between 0 and 999),
    version     bigint      not null check (version >= 1),
    created_at  timestamptz not null,
    updated_at  timestamptz not null,
    primary key (org_id, category_id),
    foreign key (org_id, parent_id) references categories (org_id, category_id),
    constraint categories_slug_among_siblings
        unique nulls not distinct (org_id, parent_id, slug),
    -- Deferred, because a move shifts a whole row of siblings in one statement.
    constraint categories_position_among_siblings
        unique nulls not distinct (org_id, parent_id, position) deferrable initially deferred,
    -- The last defence against a cycle and against a path that was not moved along.
    constraint categories_path_ends_in_itself check (path[cardinality(path)] = category_id),
    constraint categories_path_names_parent check (path[cardinality(path) - 1] is not distinct from parent_id)
);

alter table trees enable row level security;
alter table trees force row level security;
create policy tenant on trees to category_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
grant select, insert, update on trees to category_app;

alter table categories enable row level security;
alter table categories force row level security;
create policy tenant on categories to category_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
grant select, insert, update on categories to category_app;
