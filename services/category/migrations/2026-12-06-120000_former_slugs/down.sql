drop table former_slugs;
