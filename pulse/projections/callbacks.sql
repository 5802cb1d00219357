-- name: create
-- Where a request stands is kept beside it, so that each list is one index.
create table callbacks (
    chat_id uuid not null,
    version integer not null,
    position bigint not null,
    department_id uuid,
    holder_id uuid,
    status text not null default 'open',
    phone text not null,
    wanted_at timestamptz,
    comment text not null,
    at timestamptz not null,
    outcome text,
    done_by uuid,
    done_at timestamptz,
    primary key (chat_id, version)
);

-- name: index
create unique index callbacks_by_position on callbacks (position);
create index callbacks_by_status on callbacks (status, position);
create index callbacks_by_department on callbacks (department_id, status, position);
create index callbacks_by_holder on callbacks (holder_id, status, position);

-- name: insert_callbacks
insert into callbacks (chat_id, version, position, department_id, holder_id, phone, wanted_at, comment, at)
select chat_id, version, position, department_id, holder_id, phone, wanted_at, comment, at
from json_to_recordset(%(rows)s::json) as r(
    chat_id uuid, version integer, position bigint, department_id uuid, holder_id uuid, phone text,
    wanted_at timestamptz, comment text, at timestamptz);

-- name: finish_callbacks
update callbacks set status = 'done', outcome = r.outcome, done_by = r.done_by, done_at = r.done_at
from json_to_recordset(%(rows)s::json) as r(
    chat_id uuid, version integer, outcome text, done_by uuid, done_at timestamptz)
where callbacks.chat_id = r.chat_id and callbacks.version = r.version;

-- name: move_callbacks
update callbacks set department_id = r.department_id, holder_id = r.holder_id
from json_to_recordset(%(rows)s::json) as r(chat_id uuid, department_id uuid, holder_id uuid)
where callbacks.chat_id = r.chat_id;

-- name: older_of_all
select callbacks.*, inbox.name from callbacks join inbox using (chat_id)
where callbacks.status = %(status)s and callbacks.position < %(position)s
order by callbacks.position desc limit %(limit)s;

-- name: newer_of_all
-- The same list read the other way.
select callbacks.*, inbox.name from callbacks join inbox using (chat_id)
where callbacks.status = %(status)s and callbacks.position > %(position)s
order by callbacks.position limit %(limit)s;

-- name: older_of_mine
-- From each department and from what one holds as many as the page takes, each by its own index.
select callbacks.*, inbox.name from callbacks join inbox using (chat_id)
where callbacks.position = any (array(
    select place from (
        select near.position as place from unnest(%(departments)s::uuid[]) as mine(id) cross join lateral (
            select position from callbacks
            where department_id = mine.id and status = %(status)s and position < %(position)s
            order by position desc limit %(limit)s) as near
        union
        (select position from callbacks
        where holder_id = %(holder)s and status = %(status)s and position < %(position)s
        order by position desc limit %(limit)s)) as places
    order by place desc limit %(limit)s))
order by callbacks.position desc;

-- name: newer_of_mine
-- The same list read the other way.
select callbacks.*, inbox.name from callbacks join inbox using (chat_id)
where callbacks.position = any (array(
    select place from (
        select near.position as place from unnest(%(departments)s::uuid[]) as mine(id) cross join lateral (
            select position from callbacks
            where department_id = mine.id and status = %(status)s and position > %(position)s
            order by position limit %(limit)s) as near
        union
        (select position from callbacks
        where holder_id = %(holder)s and status = %(status)s and position > %(position)s
        order by position limit %(limit)s)) as places
    order by place limit %(limit)s))
order by callbacks.position;
