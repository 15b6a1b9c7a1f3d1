-- The catalog's own copy of category.category.v1: enough to know that a category exists and to find it by its slugs.
create table categories (
    org_id uuid not null,
    category_id uuid not null,
    parent_id uuid,
    slug text not null,
    -- Category ids from the root down to this one.
    path uuid[] not null,
    removed boolean not null default false,
    version bigint not null,
    constraint categories_pkey primary key (org_id, category_id)
);

-- A slug is unique among siblings only, so this index finds candidates.
create index categories_by_slug on categories (org_id, slug);

alter table categories enable row level security;
alter table categories force row level security;
create policy tenant on categories to catalog_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
grant select, insert, update, delete on categories to catalog_app;
