alter table parked_keys drop column last_offset, drop column failed_again_offset;
