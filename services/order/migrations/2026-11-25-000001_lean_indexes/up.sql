-- Every order is changed once soon after it was placed. What an index includes is written again then, in each of them;
-- a page of a list reads its few rows from the table, where those of one time lie together.
alter table orders drop constraint orders_pkey, add constraint orders_pkey primary key (org_id, id);
drop index orders_by_status;
create index orders_by_status on orders (org_id, status, id);
