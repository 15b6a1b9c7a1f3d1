drop table replays;
drop table parked_keys;
drop table inbox;
drop table outbox_parked;
drop table outbox;
