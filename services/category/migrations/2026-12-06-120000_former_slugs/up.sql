-- The slugs that categories had where they stood, so that their old addresses lead to the new ones. An address of the shop is a way
-- of slugs from the top level down; each of them may be a former one. A slug that another category has there now is that one's, and of
-- several that gave it up the last one counts. A replica of the release before writes none.
create table former_slugs (
    org_id      uuid not null,
    -- The category that it stood under; none for the top level.
    parent_id   uuid,
    slug        text collate "C" not null,
    category_id uuid not null,
    constraint former_slugs_of_a_place unique nulls not distinct (org_id, parent_id, slug),
    constraint former_slugs_category_fkey foreign key (org_id, category_id) references categories (org_id, category_id)
);

alter table former_slugs enable row level security;
alter table former_slugs force row level security;
create policy tenant on former_slugs to category_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
grant select, insert, update (category_id) on former_slugs to category_app;
