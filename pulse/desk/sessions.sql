-- name: create
-- State, not a read model: a row per sign-in, so that revoking one is instant. The cookie's hash is the key.
-- Several may come first at once, and "if not exists" alone doesn't keep them apart.
select pg_advisory_xact_lock(4015726);
create schema if not exists desk;
create table if not exists desk.sessions (
    token_hash bytea primary key,
    moderator_id uuid not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    address text not null,
    agent text not null
);
drop index if exists desk.sessions_by_moderator;
create index if not exists sessions_by_age on desk.sessions (moderator_id, created_at);
create index if not exists sessions_by_end on desk.sessions (expires_at);
alter table desk.sessions
    add column if not exists id uuid not null unique default gen_random_uuid(),
    add column if not exists since integer not null default 0,
    add column if not exists seen_at timestamptz not null default now();
create index if not exists sessions_by_look on desk.sessions (seen_at);

-- name: insert
insert into desk.sessions (token_hash, id, moderator_id, since, created_at, seen_at, expires_at, address, agent)
values (
    %(token_hash)s, %(id)s, %(moderator_id)s, %(since)s, %(now)s, %(now)s, %(expires_at)s, %(address)s, %(agent)s
);

-- name: by_cookie
select id, moderator_id, since, seen_at, expires_at from desk.sessions
where token_hash = %(token_hash)s and expires_at > %(now)s and seen_at > %(idle)s;

-- name: by_id
select id, moderator_id, since, seen_at, expires_at from desk.sessions
where id = %(id)s and expires_at > %(now)s and seen_at > %(idle)s;

-- name: touch
-- Not at every request: a write each would cost more than the whole rest.
update desk.sessions set seen_at = %(now)s where id = %(id)s and seen_at < %(now)s;

-- name: of_moderator
select id, since, created_at, seen_at, expires_at, address, agent from desk.sessions
where moderator_id = %(moderator_id)s and expires_at > %(now)s and seen_at > %(idle)s
order by seen_at desc, id;

-- name: end_one
delete from desk.sessions where id = %(id)s and moderator_id = %(moderator_id)s;

-- name: end_others
delete from desk.sessions where moderator_id = %(moderator_id)s and id is distinct from %(keeping)s;

-- name: newest
-- When each person last signed in, as far as a session of theirs is still there.
select person.id as moderator_id, last.at from unnest(%(people)s::uuid[]) as person(id) cross join lateral (
    select created_at as at from desk.sessions where moderator_id = person.id order by created_at desc limit 1) as last;

-- name: end_oldest
-- What somebody has beyond so many.
delete from desk.sessions where id = any (array(
    select id from desk.sessions where moderator_id = %(moderator_id)s order by created_at desc offset %(kept)s));

-- name: prune
delete from desk.sessions where expires_at < %(now)s or seen_at < %(idle)s;
