drop table recipients;
delete from deliveries d using destinations t
    where t.org_id = d.org_id and t.id = d.destination and (t.kind <> 'telegram' or t.state = 'ended');
delete from destinations where kind <> 'telegram' or state = 'ended';
-- What was sent to a destination that was deleted since.
update deliveries set message_id = 0 where state = 'sent' and message_id is null;
alter table deliveries add constraint deliveries_sent_has_message check (state <> 'sent' or message_id is not null);
alter table destinations drop constraint destinations_linked_has_chat;
alter table destinations add constraint destinations_linked_has_chat check ((state = 'waiting') = (chat is null));
alter table destinations drop constraint destinations_unreachable_has_reason;
alter table destinations add constraint destinations_unreachable_has_reason
    check ((state = 'unreachable') = (reason is not null));
alter table destinations drop constraint destinations_state_check;
alter table destinations add constraint destinations_state_check
    check (state in ('waiting', 'active', 'paused', 'unreachable'));
alter table destinations drop constraint destinations_kind_check;
alter table destinations add constraint destinations_kind_check check (kind in ('telegram'));
