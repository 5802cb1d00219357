-- name: create
create table joins (
    customer_id uuid not null,
    other_id uuid not null,
    joined boolean not null,
    at timestamptz not null,
    primary key (customer_id, other_id)
);

-- name: change_joins
insert into joins (customer_id, other_id, joined, at)
select customer_id, other_id, joined, at
from json_to_recordset(%(rows)s::json) as r(customer_id uuid, other_id uuid, joined boolean, at timestamptz)
on conflict (customer_id, other_id) do update set joined = excluded.joined, at = excluded.at;

-- name: identities
-- Whoever is joined with somebody who is joined with this customer, and so on.
with recursive same(id) as (
    select %(customer)s::uuid
    union
    select joins.other_id from joins join same on joins.customer_id = same.id where joins.joined)
select id from same limit %(limit)s;

-- name: among
select customer_id, other_id, at from joins
where customer_id = any (%(customers)s) and other_id = any (%(customers)s) and joined and customer_id < other_id
order by at, customer_id, other_id;
