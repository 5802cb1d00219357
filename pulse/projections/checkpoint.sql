-- name: create
-- `position` moves by compare-and-set only: a rival that lost stops here, with its whole transaction.
-- `build` differs in every set of tables, so that a swap is noticed even where the position is the same.
create table checkpoint (
    build uuid primary key default gen_random_uuid(),
    versions jsonb not null,
    epoch text not null,
    position bigint not null,
    hash bytea not null,
    indexed boolean not null default false,
    updated_at timestamptz not null default now()
);
create function advance_checkpoint(known_build uuid, known bigint, reached bigint, reached_hash bytea) returns void
language plpgsql as $$
begin
    update checkpoint set position = reached, hash = reached_hash, updated_at = now()
    where build = known_build and position = known;
    if not found then
        raise exception 'the checkpoint is not at %', known using errcode = 'PU001';
    end if;
end $$;

-- name: begin
insert into checkpoint (versions, epoch, position, hash) values (%(versions)s::jsonb, %(epoch)s, 0, '');

-- name: exists
select 1 from pg_tables where schemaname = current_setting('search_path') and tablename = 'checkpoint';

-- name: read
select build, epoch, position, hash, versions, indexed from checkpoint;

-- name: mark_indexed
update checkpoint set indexed = true;

-- name: advance
select advance_checkpoint(%(build)s, %(known)s, %(reached)s, %(hash)s);
