-- name: clear
-- What an interrupted rebuild left behind.
drop schema if exists {beside} cascade;

-- name: hold
-- Until this transaction ends nobody writes the live tables. Reading goes on.
do $$
begin
    if to_regclass('{live}.checkpoint') is not null then
        lock table {live}.checkpoint in share row exclusive mode;
    end if;
end $$;

-- name: swap
-- A rename of schemas: statements find the new tables by the same names.
drop schema if exists {old} cascade;
do $$
begin
    if to_regnamespace('{live}') is not null then
        alter schema {live} rename to {old};
    end if;
end $$;
alter schema {beside} rename to {live};

-- name: drop_old
drop schema if exists {old} cascade;
