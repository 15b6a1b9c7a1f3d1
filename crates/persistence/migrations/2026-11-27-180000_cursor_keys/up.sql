-- What the cursors of this schema's lists are sealed with: one key, shared by every replica.
create table cursor_keys (
    only_one boolean primary key default true check (only_one),
    -- Two random UUIDs: 244 random bits, from the server's strong source of randomness.
    key bytea not null check (length(key) = 32)
);
insert into cursor_keys (key)
values (decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'));
grant select on cursor_keys to {service}_app;
