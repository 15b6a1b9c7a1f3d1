drop table attribute_definitions;
