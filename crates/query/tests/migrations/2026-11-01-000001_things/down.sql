drop view searchable_parts;
drop view searchable_things;
drop table parts;
drop table things;
drop function search_text(text);
drop function fold(text);
