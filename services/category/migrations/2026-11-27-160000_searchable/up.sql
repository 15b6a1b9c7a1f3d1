-- What queries read: the categories of the organisation in `app.org` and no other. A view reads as its owner does, so the owner
-- may see the rows; it has no other use for them.
create policy view_owner on categories for select to category_owner using (true);
create view searchable_categories as
    select * from categories where org_id = nullif(current_setting('app.org', true), '')::uuid;
grant select on searchable_categories to category_app;
