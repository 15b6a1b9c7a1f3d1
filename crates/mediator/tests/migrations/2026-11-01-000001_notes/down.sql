drop table platform_notes;
drop table notes;
