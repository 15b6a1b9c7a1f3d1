alter table destinations drop column muted_until;
