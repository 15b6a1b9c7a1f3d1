-- Who ordered: the contact and the addresses of each order as they were said, and one record per person. Both stand apart from the
-- orders, so that a person is forgotten without a change of any figure. The extensions are made by the bootstrap.
do $$
declare
    missing text;
begin
    select string_agg(wanted.name, ', ') into missing
    from (values ('pg_trgm'), ('unaccent'), ('btree_gin')) as wanted (name)
    where not exists (select from pg_extension e join pg_namespace n on n.oid = e.extnamespace
                      where e.extname = wanted.name and n.nspname = 'extensions');
    if missing is not null then
        raise exception 'the schema "extensions" lacks %', missing
            using hint = 'Run the bootstrap of the database again (deploy/postgres), then this migration.';
    end if;
end
$$;

-- Lower case without marks, the same for composed and decomposed letters: "Áo ĐỎ" becomes "ao do".
create function fold(words text) returns text
    language sql immutable strict parallel safe
    as $$ select lower(extensions.unaccent('extensions.unaccent'::regdictionary, normalize(words, NFC))) $$;

-- Folded words between single spaces, with a space at both ends, so that '% word%' finds the beginnings of words. What
-- separates words is ASCII but for letters and digits, and the spaces and dashes of Unicode.
create function search_text(words text) returns text
    language sql immutable strict parallel safe
    as $$ select ' ' || trim(regexp_replace(fold(words), '[\x01-\x2f\x3a-\x60\x7b-\x7f\u00a0\u2000-\u206f\u3000]+', ' ', 'g')) || ' ' $$;

-- Whoever ordered from an organisation, once per key: the account in the shop, or else the e-mail address, or else the phone number.
create table buyers (
    org_id          uuid        not null,
    id              uuid        not null,
    -- Null once the person was forgotten: whoever orders with the same key afterwards is somebody new.
    key             text        check (length(key) between 1 and 300),
    customer_id     uuid,
    -- As they were said last.
    name            text        check (length(name) between 1 and 200),
    email           text        check (length(email) between 3 and 254),
    phone           text        check (length(phone) between 4 and 40),
    search_text     text        not null default '  ',
    orders          bigint      not null check (orders >= 1),
    first_order_at  timestamptz not null,
    last_order_at   timestamptz not null,
    erased_at       timestamptz,
    primary key (org_id, id),
    check (erased_at is null or coalesce(key, customer_id::text, name, email, phone) is null)
);
create unique index buyers_by_key on buyers (org_id, key);
create index buyers_by_last_order on buyers (org_id, last_order_at, id);
create index buyers_by_text on buyers using gin (org_id, search_text extensions.gin_trgm_ops);

-- What was said with an order. It is written once, beside the order and not in it: an order changes with every step, and would carry
-- the index of its words along each time. An order of which nothing was said has no row.
create table order_contacts (
    org_id            uuid  not null,
    order_id          uuid  not null,
    buyer_id          uuid,
    name              text  check (length(name) between 1 and 200),
    email             text  check (length(email) between 3 and 254),
    phone             text  check (length(phone) between 4 and 40),
    shipping_address  jsonb,
    billing_address   jsonb,
    search_text       text  not null default '  ',
    -- When what was said was forgotten with the person.
    erased_at         timestamptz,
    primary key (org_id, order_id)
);
create index order_contacts_by_buyer on order_contacts (org_id, buyer_id, order_id) where buyer_id is not null;
create index order_contacts_by_text on order_contacts using gin (org_id, search_text extensions.gin_trgm_ops);

-- Orders of before: customers of the shop are known by their accounts, and a reference is found by its words.
alter table orders no force row level security;
insert into buyers (org_id, id, key, customer_id, orders, first_order_at, last_order_at)
    select org_id, gen_random_uuid(), 'customer:' || customer_id, customer_id, count(*), min(placed_at), max(placed_at)
    from orders where customer_id is not null group by org_id, customer_id;
insert into order_contacts (org_id, order_id, buyer_id, search_text)
    select o.org_id, o.id, b.id, search_text(coalesce(o.shopper_reference, ''))
    from orders o left join buyers b on b.org_id = o.org_id and b.customer_id = o.customer_id
    where o.customer_id is not null or o.shopper_reference is not null;
alter table orders force row level security;

alter table buyers enable row level security;
create policy tenant on buyers to order_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
create policy batch on buyers to order_app
    using (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]))
    with check (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]));
create policy view_owner on buyers for select to order_owner using (true);
alter table buyers force row level security;
grant select, insert, update on buyers to order_app;

alter table order_contacts enable row level security;
create policy tenant on order_contacts to order_app
    using (org_id = nullif(current_setting('app.org', true), '')::uuid)
    with check (org_id = nullif(current_setting('app.org', true), '')::uuid);
create policy batch on order_contacts to order_app
    using (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]))
    with check (org_id = any ((select nullif(current_setting('app.orgs', true), '')::uuid[])::uuid[]));
create policy view_owner on order_contacts for select to order_owner using (true);
alter table order_contacts force row level security;
grant select, insert on order_contacts to order_app;
-- Whose an order is stays; what was said is emptied when the person is forgotten.
grant update (name, email, phone, shipping_address, billing_address, search_text, erased_at) on order_contacts to order_app;
-- Of the history the reasons of shoppers go, and nothing else changes.
grant update (reason) on order_history to order_app;

create view searchable_buyers as
    select id, customer_id, name, email, phone, search_text, orders, first_order_at, last_order_at, erased_at
    from buyers where org_id = nullif(current_setting('app.org', true), '')::uuid;
create view searchable_order_contacts as
    select order_id, buyer_id, name, email, phone, search_text
    from order_contacts where org_id = nullif(current_setting('app.org', true), '')::uuid;
grant select on searchable_buyers, searchable_order_contacts to order_app;
