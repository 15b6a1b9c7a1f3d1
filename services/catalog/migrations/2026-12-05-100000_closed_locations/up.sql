-- A location that serves no orders has no pieces. Where one has some by now, it serves again: what orders were promised is sent.
-- Both at once, in the order in which orders take them.
lock table location_levels, locations in access exclusive mode;
alter table locations no force row level security;
alter table location_levels no force row level security;
update locations l set active = true, version = version + 1, updated_at = now()
where not active
  and exists (select from location_levels v where v.org_id = l.org_id and v.location = l.code and v.on_hand > 0);
alter table location_levels force row level security;
alter table locations force row level security;
