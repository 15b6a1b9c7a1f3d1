-- Roles and schemas of Cyber Store. Run by devstack, by the tests and by the compose file's `bootstrap`
-- service as a superuser (or a role with CREATEROLE that owns the database); safe to run again.
-- It is rendered once per service: {service} and the three passwords are filled in.
-- A role belongs to the whole PostgreSQL cluster, a schema to one database: hence two parts.

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
-- The services recognise a server that is shutting down by its English message; only a superuser may fix the language.
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
    -- Nobody connects, creates or makes temporary tables by default.
    execute format('revoke all on database %I from public', current_database());
    execute format('grant connect on database %I to "{service}_owner", "{service}_app", "{service}_system"', current_database());
    -- Tables are asked by their keys, so rough statistics find the same plans, and a growing table is analysed every few
    -- seconds: a sample of thirty thousand rows each time is a seventh of what PostgreSQL does under load.
    execute format('alter database %I set default_statistics_target = 10', current_database());
    -- A managed server's administrator must be a member of a role to make it an owner.
    if not (select rolsuper from pg_roles where rolname = current_user) then
        execute format('grant "{service}_owner" to %I', current_user);
    end if;
end
$$;
revoke all on schema public from public;
create schema if not exists "{service}" authorization "{service}_owner";
revoke all on schema "{service}" from public;
-- Tables are granted one by one by the migrations that make them.
grant usage on schema "{service}" to "{service}_app", "{service}_system";
