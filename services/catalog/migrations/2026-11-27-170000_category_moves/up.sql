-- A move publishes the category that moves and none below it: the copy finds those by their parents and derives their paths.
create index categories_by_parent on categories (org_id, parent_id);
