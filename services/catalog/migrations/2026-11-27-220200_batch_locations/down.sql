drop policy batch on location_levels;
drop policy batch on locations;
