-- A mark that was renewed while its SKU was being published stays, and says which version was published meanwhile: the next
-- publication says that version no second time.
alter table availability_marks add column said_version bigint;
-- The newest marks are looked for beside a long queue of older ones.
create index availability_marks_due on availability_marks (marked_at);
