alter table replays alter column status set default 201;
