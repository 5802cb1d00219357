-- name: create
-- The id follows from source and peer, so it also keeps them unique.
create table customers (
    customer_id uuid primary key,
    source_id uuid not null,
    peer text not null,
    name text not null,
    username text,
    language text,
    reachable boolean not null default true,
    messages integer not null,
    first_at timestamptz not null,
    last_at timestamptz not null,
    last_position bigint not null
);

-- name: upsert_people
-- A name the channel did not tell leaves the known one.
insert into customers as known (
    customer_id, source_id, peer, name, username, language, messages, first_at, last_at, last_position)
select customer_id, source_id, peer, coalesce(name, ''), username, language, messages, first_at, last_at, last_position
from json_to_recordset(%(rows)s::json) as r(
    customer_id uuid, source_id uuid, peer text, name text, username text, language text, messages integer,
    first_at timestamptz, last_at timestamptz, last_position bigint)
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
