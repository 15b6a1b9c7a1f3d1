alter table destinations drop column manner;
