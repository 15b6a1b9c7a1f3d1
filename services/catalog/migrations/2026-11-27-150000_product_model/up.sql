-- What a product says of itself beside its name, its price and its place. A replica of the release before writes none of it.
alter table products
    add column brand text,
    add column short_description text not null default '',
    -- Lower case, sorted, each once.
    add column tags text[] not null default '{}',
    -- The code of an attribute to its value: a text (also for a choice and a day), a number, a boolean or an array of texts.
    add column attributes jsonb not null default '{}',
    -- All categories, the primary one, which category_id names, first.
    add column category_ids uuid[] not null default '{}',
    -- [{"url":"…","kind":"image|video|document","alt":"…"}], in the seller's order.
    add column media jsonb not null default '[]',
    -- [{"name":"…","values":["…"]}], at most three.
    add column options jsonb not null default '[]',
    -- The name of a system to what that calls it.
    add column external_references jsonb not null default '{}',
    -- A locale to {"title":"…","short_description":"…","description":"…"}, of which each may be missing.
    add column translations jsonb not null default '{}';

-- The owner has to see the rows of every organisation for once.
alter table products no force row level security;
update products set category_ids = array[category_id] where category_id is not null;
alter table products force row level security;

alter table variants
    -- A GTIN as it is printed.
    add column barcode text,
    -- The name of an option of the product to the variant's value of it.
    add column option_values jsonb not null default '{}',
    add column weight_grams bigint,
    add column length_mm bigint,
    add column width_mm bigint,
    add column height_mm bigint,
    -- In the variant's currency.
    add column compare_at_minor bigint,
    -- In the variant's currency. For staff.
    add column cost_minor bigint,
    add column external_references jsonb not null default '{}',
    add constraint variants_amounts_not_negative check (compare_at_minor >= 0 and cost_minor >= 0),
    add constraint variants_measures_not_negative
        check (weight_grams >= 0 and length_mm >= 0 and width_mm >= 0 and height_mm >= 0);

create unique index variants_barcode_key on variants (org_id, barcode) where barcode is not null;
