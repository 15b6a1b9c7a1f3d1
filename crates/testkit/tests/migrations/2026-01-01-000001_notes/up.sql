-- A table of the shape that every business table has.
create table notes (
    org_id uuid not null,
    note_id uuid not null,
    body text not null,
    written_at timestamptz not null default now(),
    primary key (org_id, note_id)
);
alter table notes enable row level security;
alter table notes force row level security;
create policy tenant on notes to catalog_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
grant select, insert, update, delete on notes to catalog_app;
