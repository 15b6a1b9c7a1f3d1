alter table sellable drop column channels;
