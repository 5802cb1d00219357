-- name: create
-- Deliveries that left no event: not authentic, repeated, or only live. Outside the log, bounded, a sample.
create schema if not exists trace;
create table if not exists rejections (
    number bigint generated always as identity primary key,
    source text not null,
    outcome text not null,
    reason text not null,
    body text not null,
    suppressed integer not null,
    at timestamptz not null default now()
);

-- name: insert
with new as (
    insert into rejections (source, outcome, reason, body, suppressed)
    values (%(source)s, %(outcome)s, %(reason)s, %(body)s, %(suppressed)s) returning number)
delete from rejections where number <= (select number from new) - %(kept)s;
