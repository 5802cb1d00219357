-- name: create
-- The id follows from source and peer, so it also keeps them unique. `called` is the name as it is looked for.
create table customers (
    customer_id uuid primary key,
    source_id uuid not null,
    peer text not null,
    name text not null,
    called text collate "C" not null,
    username text,
    language text,
    phone text,
    reachable boolean not null default true,
    messages integer not null,
    first_at timestamptz not null,
    last_at timestamptz not null,
    last_position bigint not null
);

-- name: index
create unique index customers_by_activity on customers (last_position);
create index customers_by_name on customers (called, customer_id);

-- name: upsert_people
-- A name the channel did not tell leaves the known one.
insert into customers as known (
    customer_id, source_id, peer, name, called, username, language, phone, messages, first_at, last_at, last_position)
select customer_id, source_id, peer, coalesce(name, ''), called, username, language, phone, messages, first_at, last_at,
    last_position
from json_to_recordset(%(rows)s::json) as r(
    customer_id uuid, source_id uuid, peer text, name text, called text, username text, language text, phone text,
    messages integer, first_at timestamptz, last_at timestamptz, last_position bigint)
on conflict (customer_id) do update set
    name = coalesce(nullif(excluded.name, ''), known.name),
    called = coalesce(nullif(excluded.called, ''), known.called),
    username = coalesce(excluded.username, known.username),
    language = coalesce(excluded.language, known.language),
    phone = coalesce(excluded.phone, known.phone),
    messages = known.messages + excluded.messages,
    last_at = excluded.last_at,
    last_position = excluded.last_position;

-- name: change_reach
update customers set reachable = r.reachable
from json_to_recordset(%(rows)s::json) as r(customer_id uuid, reachable boolean)
where customers.customer_id = r.customer_id;

-- name: several
select * from customers where customer_id = any (%(customers)s) order by last_position desc;

-- name: older_of_all
select *, last_position as place from customers
where last_position < %(position)s order by last_position desc limit %(limit)s;

-- name: newer_of_all
-- The same list read the other way.
select *, last_position as place from customers
where last_position > %(position)s order by last_position limit %(limit)s;

-- name: older_of_mine
-- Whose newest chat, of those one may see, lies in some departments or is one's own: each by its own index.
select customers.*, mine.last_position as place from inbox as mine join customers using (customer_id)
where mine.last_position = any (array(
    select place from (
        select near.last_position as place from unnest(%(departments)s::uuid[]) as wanted(id) cross join lateral (
            select last_position from inbox
            where department_id = wanted.id and last_position < %(position)s and not exists (
                select 1 from inbox as newer
                where newer.customer_id = inbox.customer_id and newer.last_position > inbox.last_position
                    and (newer.department_id = any (%(departments)s) or newer.holder_id = %(holder)s))
            order by last_position desc limit %(limit)s) as near
        union
        (select last_position from inbox
        where holder_id = %(holder)s and last_position < %(position)s and not exists (
            select 1 from inbox as newer
            where newer.customer_id = inbox.customer_id and newer.last_position > inbox.last_position
                and (newer.department_id = any (%(departments)s) or newer.holder_id = %(holder)s))
        order by last_position desc limit %(limit)s)) as places
    order by place desc limit %(limit)s))
order by place desc;

-- name: newer_of_mine
-- The same list read the other way.
select customers.*, mine.last_position as place from inbox as mine join customers using (customer_id)
where mine.last_position = any (array(
    select place from (
        select near.last_position as place from unnest(%(departments)s::uuid[]) as wanted(id) cross join lateral (
            select last_position from inbox
            where department_id = wanted.id and last_position > %(position)s and not exists (
                select 1 from inbox as newer
                where newer.customer_id = inbox.customer_id and newer.last_position > inbox.last_position
                    and (newer.department_id = any (%(departments)s) or newer.holder_id = %(holder)s))
            order by last_position limit %(limit)s) as near
        union
        (select last_position from inbox
        where holder_id = %(holder)s and last_position > %(position)s and not exists (
            select 1 from inbox as newer
            where newer.customer_id = inbox.customer_id and newer.last_position > inbox.last_position
                and (newer.department_id = any (%(departments)s) or newer.holder_id = %(holder)s))
        order by last_position limit %(limit)s)) as places
    order by place limit %(limit)s))
order by place;

-- name: named_after
-- People by the beginning of their name, from a name on.
select * from customers
where called >= %(prefix)s and called < %(beyond)s and (called, customer_id) > (%(called)s, %(id)s)
    and (%(everything)s or exists (
        select 1 from inbox where inbox.customer_id = customers.customer_id
            and (department_id = any (%(departments)s) or holder_id = %(holder)s)))
order by called, customer_id limit %(limit)s;

-- name: named_before
-- The same list read the other way.
select * from customers
where called >= %(prefix)s and called < %(beyond)s and (called, customer_id) < (%(called)s, %(id)s)
    and (%(everything)s or exists (
        select 1 from inbox where inbox.customer_id = customers.customer_id
            and (department_id = any (%(departments)s) or holder_id = %(holder)s)))
order by called desc, customer_id desc limit %(limit)s;
