-- A topic that is closed keeps one destination waiting and not its whole chat: until when, and after how many refusals in a row.
alter table destinations add column blocked_until timestamptz not null default 'epoch';
alter table destinations add column refusals integer not null default 0;
