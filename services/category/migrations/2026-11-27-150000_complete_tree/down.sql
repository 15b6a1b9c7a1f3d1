drop table product_counts;
drop table product_placements;
alter table categories
    drop column retired_at,
    drop column external_references,
    drop column image,
    drop column icon;
