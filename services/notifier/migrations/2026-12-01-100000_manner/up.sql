-- How a destination is told besides its rules: its time zone, and what is added later. A replica of the release before writes
-- none, which stands for what it does anyway.
alter table destinations add column manner jsonb not null default '{}';
