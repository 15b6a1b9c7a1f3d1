drop table relay_cursor;
drop table effects;
drop table aggregates;
