drop view searchable_parts;
drop view searchable_things;
drop table parts;
drop table things;
drop function fold(text);
