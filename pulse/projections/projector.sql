-- name: create
-- `position` moves by compare-and-set only: a rival that lost stops here, with its whole transaction.
create table checkpoint (
    name text primary key,
    versions jsonb not null,
    epoch text not null,
    position bigint not null,
    hash bytea not null,
    updated_at timestamptz not null default now()
);
create function advance_checkpoint(known bigint, reached bigint, reached_hash bytea) returns void
language plpgsql as $$
begin
    update checkpoint set position = reached, hash = reached_hash, updated_at = now()
    where name = 'read' and position = known;
    if not found then
        raise exception 'the checkpoint is not at %', known using errcode = 'PU001';
    end if;
end $$;

-- An event no read model could take; its aggregate is parked: later events of it wait here too, in order.
create table projection_dead_letter (
    position bigint primary key,
    aggregate_id uuid not null,
    type text not null,
    error text not null,
    body text not null,
    at timestamptz not null default now()
);

-- name: begin
insert into checkpoint (name, versions, epoch, position, hash)
values ('read', %(versions)s::jsonb, %(epoch)s, 0, '');

-- name: checkpoint
select versions, epoch, position, hash from checkpoint where name = 'read';

-- name: advance
select advance_checkpoint(%(known)s, %(reached)s, %(hash)s);

-- name: bury
insert into projection_dead_letter (position, aggregate_id, type, error, body)
select position, aggregate_id, type, error, body
from json_to_recordset(%(rows)s::json) as r(position bigint, aggregate_id uuid, type text, error text, body text);

-- name: parked
select distinct aggregate_id from projection_dead_letter;

-- name: create_rejections
-- Deliveries that left no event: not authentic, repeated, or only live. Outside the log, bounded, a sample.
create schema if not exists trace;
create table if not exists trace.rejections (
    number bigint generated always as identity primary key,
    source text not null,
    outcome text not null,
    reason text not null,
    body text not null,
    suppressed integer not null,
    at timestamptz not null default now()
);

-- name: insert_rejection
with new as (
    insert into trace.rejections (source, outcome, reason, body, suppressed)
    values (%(source)s, %(outcome)s, %(reason)s, %(body)s, %(suppressed)s) returning number)
delete from trace.rejections where number <= (select number from new) - %(kept)s;
