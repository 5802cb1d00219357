-- name: create
create table customers (
    customer_id uuid primary key,
    source_id uuid not null,
    peer text not null,
    name text not null,
    username text,
    language text,
    reachable boolean not null,
    messages integer not null,
    first_at timestamptz not null,
    last_at timestamptz not null,
    last_position bigint not null
);
create unique index customers_by_peer on customers (source_id, peer);
create index customers_by_activity on customers (last_position);

-- name: upsert_people
-- A name the channel did not tell leaves the known one; `reachable` is left out unless it changed.
insert into customers as known (
    customer_id, source_id, peer, name, username, language, reachable, messages, first_at, last_at, last_position)
select customer_id, source_id, peer, coalesce(name, ''), username, language, coalesce(reachable, true), messages,
    last_at, last_at, last_position
from json_to_recordset(%(rows)s::json) as r(
    customer_id uuid, source_id uuid, peer text, name text, username text, language text, reachable boolean,
    messages integer, last_at timestamptz, last_position bigint)
on conflict (customer_id) do update set
    name = coalesce(nullif(excluded.name, ''), known.name),
    username = coalesce(excluded.username, known.username),
    language = coalesce(excluded.language, known.language),
    messages = known.messages + excluded.messages,
    last_at = excluded.last_at,
    last_position = excluded.last_position;

-- name: change_reach
update customers set reachable = r.reachable
from json_to_recordset(%(rows)s::json) as r(customer_id uuid, reachable boolean)
where customers.customer_id = r.customer_id;

-- name: one
select * from customers where customer_id = %(customer_id)s;
