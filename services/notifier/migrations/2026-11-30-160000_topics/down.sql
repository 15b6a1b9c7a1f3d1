alter table destinations drop column refusals;
alter table destinations drop column blocked_until;
