-- Until when a destination is silent, because somebody asked for that in its chat. What comes meanwhile waits.
alter table destinations add column muted_until timestamptz not null default 'epoch';
