-- Roles and schemas of Cyber Store. devstack, the tests and the compose file's `bootstrap` service run it as a
-- superuser, or as a role with CREATEROLE that owns the database. It may run again at any time.
-- It is rendered once per service that owns a schema: {service} and the three passwords are filled in.
-- It has two parts because a role belongs to the whole PostgreSQL cluster and a schema to one database.

-- part: cluster
do $$
declare
    part text;
begin
    foreach part in array array['owner', 'app', 'system'] loop
        if not exists (select from pg_roles where rolname = '{service}_' || part) then
            execute format('create role %I', '{service}_' || part);
        end if;
    end loop;
end
$$;
-- The owner runs migrations and owns the tables; the application roles own nothing, so row-level security binds them.
alter role "{service}_owner" with login noinherit nocreatedb nocreaterole password '{owner_password}';
alter role "{service}_app" with login noinherit nocreatedb nocreaterole password '{app_password}';
alter role "{service}_system" with login noinherit nocreatedb nocreaterole password '{system_password}';
-- The services recognise a server that is shutting down by its English message. Only a superuser may set the language.
do $$
declare
    part text;
begin
    if (select rolsuper from pg_roles where rolname = current_user) then
        foreach part in array array['owner', 'app', 'system'] loop
            execute format('alter role %I set lc_messages to %L', '{service}_' || part, 'C');
        end loop;
    end if;
end
$$;

-- part: database
do $$
begin
    -- By default nobody may connect, create schemas or create temporary tables.
    execute format('revoke all on database %I from public', current_database());
    execute format('grant connect on database %I to "{service}_owner", "{service}_app", "{service}_system"', current_database());
    -- Tables are read by their keys, so rough statistics lead to the same plans. A growing table is analysed every few
    -- seconds, and samples of the usual thirty thousand rows were a seventh of PostgreSQL's work under load.
    execute format('alter database %I set default_statistics_target = 10', current_database());
    -- A managed server's administrator must be a member of a role to make it an owner.
    if not (select rolsuper from pg_roles where rolname = current_user) then
        execute format('grant "{service}_owner" to %I', current_user);
    end if;
end
$$;
revoke all on schema public from public;
-- What searching needs, in a schema of its own, since nobody's search_path has it. All three come with PostgreSQL and are
-- trusted, so an administrator who is no superuser may create them.
create schema if not exists extensions;
revoke all on schema extensions from public;
create extension if not exists pg_trgm schema extensions;
create extension if not exists unaccent schema extensions;
create extension if not exists btree_gin schema extensions;
create schema if not exists "{service}" authorization "{service}_owner";
revoke all on schema "{service}" from public;
-- The migration that creates a table also grants it.
grant usage on schema "{service}" to "{service}_app", "{service}_system";
grant usage on schema extensions to "{service}_owner", "{service}_app", "{service}_system";
