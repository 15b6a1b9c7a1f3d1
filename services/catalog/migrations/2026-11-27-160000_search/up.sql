-- Searching and filtering. The extensions are made by the bootstrap, which may run again at any time.
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
            using hint = 'Run the bootstrap of the database again (deploy/postgres), then this migration. An extension that is in '
                         'another schema is moved with: alter extension … set schema extensions';
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

alter table products add column search_text text not null default '  ';

-- Rows of before. The owner is bound by the policies, too, and none shows it a row.
alter table products no force row level security;
alter table variants no force row level security;
update products p
set search_text = search_text(p.title || ' ' || coalesce(
    (select string_agg(v.title || ' ' || v.sku || ' ' || regexp_replace(v.sku, '[^A-Za-z0-9]', '', 'g'), ' ' order by v.position)
     from variants v where v.org_id = p.org_id and v.product_id = p.product_id), ''));
alter table products force row level security;
alter table variants force row level security;

-- One index for everything that a product has several of: each key knows its column.
create index products_by_content on products
    using gin (org_id, search_text extensions.gin_trgm_ops, category_ids, tags, attributes jsonb_path_ops);

-- What queries read. Each view shows the organisation of `app.org` and no other, as the policy `tenant` does; but a view is
-- no barrier for operators that are not leakproof, and those of the trigram index are not: under a policy PostgreSQL reads
-- every row instead. A view reads as its owner does, so the owner may see the rows; it has no other use for them.
create policy view_owner on products for select to catalog_owner using (true);
create policy view_owner on variants for select to catalog_owner using (true);
create policy view_owner on stock for select to catalog_owner using (true);
create policy view_owner on categories for select to catalog_owner using (true);

create view searchable_products as
    select * from products where org_id = nullif(current_setting('app.org', true), '')::uuid;
create view searchable_variants as
    select * from variants where org_id = nullif(current_setting('app.org', true), '')::uuid;
create view searchable_stock as
    select * from stock where org_id = nullif(current_setting('app.org', true), '')::uuid;
-- Those in use: neither removed nor below a removed one.
create view searchable_categories as
    select c.* from categories c
    where c.org_id = nullif(current_setting('app.org', true), '')::uuid and not c.removed
      and not exists (select from categories a
                      where a.org_id = c.org_id and a.category_id = any(c.path) and a.removed);
grant select on searchable_products, searchable_variants, searchable_stock, searchable_categories to catalog_app;
