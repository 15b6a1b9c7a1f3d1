alter table orders drop column cancel_asked_by_channel;
alter table orders drop column held_by_channel;
