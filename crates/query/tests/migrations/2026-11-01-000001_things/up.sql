create function fold(words text) returns text
    language sql immutable strict parallel safe
    as $$ select lower(extensions.unaccent('extensions.unaccent'::regdictionary, normalize(words, NFC))) $$;
create function search_text(words text) returns text
    language sql immutable strict parallel safe
    as $$ select ' ' || trim(regexp_replace(fold(words), '[\x01-\x2f\x3a-\x60\x7b-\x7f\u00a0\u2000-\u206f\u3000]+', ' ', 'g')) || ' ' $$;
create table things (
    org_id uuid not null,
    thing_id uuid not null,
    title text collate "C" not null,
    note text collate "C",
    kind text not null,
    size bigint,
    price_minor bigint not null,
    currency text not null,
    active boolean not null,
    seen_at timestamptz,
    tags text[] not null,
    extras jsonb not null,
    search_text text not null default '  ',
    primary key (org_id, thing_id)
);
create table parts (
    org_id uuid not null,
    part_id uuid not null default gen_random_uuid(),
    thing_id uuid not null,
    code text collate "C" not null,
    weight bigint not null,
    primary key (org_id, part_id)
);
alter table things enable row level security;
alter table things force row level security;
alter table parts enable row level security;
alter table parts force row level security;
create policy view_owner on things for select to catalog_owner using (true);
create policy view_owner on parts for select to catalog_owner using (true);
create view searchable_things as select * from things where org_id = nullif(current_setting('app.org', true), '')::uuid;
create view searchable_parts as select * from parts where org_id = nullif(current_setting('app.org', true), '')::uuid;
grant select on searchable_things, searchable_parts to catalog_app;
