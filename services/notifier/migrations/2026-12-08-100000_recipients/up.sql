-- A destination is a chat, an e-mail address or a webhook. Who receives what is sent outside of Telegram stands in a table of its
-- own, so that staff reads the address and only the sender the secret that a webhook is signed with.
alter table destinations drop constraint destinations_kind_check;
alter table destinations add constraint destinations_kind_check check (kind in ('telegram', 'email', 'webhook'));
-- A receiver that says that it is gone for good ends its destination, until staff resumes it.
alter table destinations drop constraint destinations_state_check;
alter table destinations add constraint destinations_state_check
    check (state in ('waiting', 'active', 'paused', 'unreachable', 'ended'));
alter table destinations drop constraint destinations_unreachable_has_reason;
alter table destinations add constraint destinations_unreachable_has_reason
    check ((state in ('unreachable', 'ended')) = (reason is not null));
alter table destinations drop constraint destinations_linked_has_chat;
alter table destinations add constraint destinations_linked_has_chat
    check (case when kind = 'telegram' then (state = 'waiting') = (chat is null) else state <> 'waiting' and chat is null end);
-- Only Telegram numbers its messages.
alter table deliveries drop constraint deliveries_sent_has_message;

create table recipients (
    org_id      uuid not null,
    destination uuid not null,
    -- An e-mail address, or the URL of a webhook.
    address     text not null check (length(address) between 3 and 1000),
    -- Signs what a webhook is sent.
    secret      bytea check (length(secret) = 32),
    primary key (org_id, destination),
    foreign key (org_id, destination) references destinations (org_id, id) on delete cascade
);
alter table recipients enable row level security;
alter table recipients force row level security;
create policy tenant on recipients to notifier_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
create policy system on recipients for select to notifier_system using (true);
grant select (org_id, destination, address), insert on recipients to notifier_app;
grant select on recipients to notifier_system;
