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
create index if not exists sessions_by_moderator on desk.sessions (moderator_id);

-- name: insert
insert into desk.sessions (token_hash, moderator_id, created_at, expires_at, address, agent)
values (%(token_hash)s, %(moderator_id)s, %(now)s, %(expires_at)s, %(address)s, %(agent)s);

-- name: find
select moderator_id from desk.sessions where token_hash = %(token_hash)s and expires_at > %(now)s;

-- name: newest
-- When each person last signed in, as far as a session of theirs is still there.
select moderator_id, max(created_at) as at from desk.sessions group by moderator_id;

-- name: end_all
delete from desk.sessions where moderator_id = %(moderator_id)s;

-- name: end
delete from desk.sessions where token_hash = %(token_hash)s;

-- name: prune
delete from desk.sessions where expires_at < %(now)s;
