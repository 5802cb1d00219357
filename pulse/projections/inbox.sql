-- name: create
-- A row carries all that a chat list shows; counters are projected, never counted when read.
-- `last_version` is the chat's version of its last word: an edit of that word shows in the list.
-- `messages` counts the customer's words ever; what a moderator has not seen is that, less their mark in `marks`.
create table inbox (
    chat_id uuid primary key,
    source_id uuid not null,
    channel text not null,
    peer text not null,
    customer_id uuid not null,
    name text not null,
    is_group boolean not null,
    department_id uuid,
    holder_id uuid,
    status text not null default 'open',
    last_text text not null default '',
    last_kind text not null default 'text',
    last_sender text not null default 'customer',
    opened_at timestamptz not null,
    last_at timestamptz not null,
    last_position bigint not null,
    last_version integer not null default 0,
    version integer not null,
    unread_by_staff integer not null default 0,
    unread_by_customer integer not null default 0,
    messages integer not null default 0,
    messages_at_close integer not null default 0,
    reachable boolean not null default true,
    tags text[] not null default '{}',
    priority text not null default 'normal',
    snoozed_until timestamptz,
    waiting_since timestamptz
);

-- name: index
create unique index inbox_by_activity on inbox (last_position);
create index inbox_by_department on inbox (department_id, last_position);
create index inbox_by_holder on inbox (holder_id, last_position);
create index inbox_by_customer on inbox (customer_id, last_position);
create index inbox_open on inbox (last_position) where status = 'open';
create index inbox_snoozed on inbox (snoozed_until) where snoozed_until is not null;

-- name: insert_chats
insert into inbox (
    chat_id, source_id, channel, peer, customer_id, name, is_group, department_id, opened_at, last_at,
    last_position, version)
select chat_id, source_id, channel, peer, customer_id, name, is_group, department_id, opened_at, opened_at,
    last_position, 1
from json_to_recordset(%(rows)s::json) as r(
    chat_id uuid, source_id uuid, channel text, peer text, customer_id uuid, name text, is_group boolean,
    department_id uuid, opened_at timestamptz, last_position bigint);

-- name: update_chats
-- What an event does not change is left out of its row, and stays; the scope is always there, and the status wherever
-- a snooze begins or ends.
update inbox set
    name = coalesce(r.name, inbox.name),
    status = coalesce(r.status, inbox.status),
    department_id = r.department_id,
    holder_id = r.holder_id,
    unread_by_staff = r.unread_by_staff,
    unread_by_customer = r.unread_by_customer,
    messages = r.messages,
    messages_at_close = coalesce(r.messages_at_close, inbox.messages_at_close),
    reachable = coalesce(r.reachable, inbox.reachable),
    tags = coalesce(r.tags, inbox.tags),
    priority = coalesce(r.priority, inbox.priority),
    snoozed_until = case when r.status is null then inbox.snoozed_until else r.snoozed_until end,
    waiting_since = r.waiting_since,
    last_text = coalesce(r.last_text, inbox.last_text),
    last_kind = coalesce(r.last_kind, inbox.last_kind),
    last_sender = coalesce(r.last_sender, inbox.last_sender),
    last_at = coalesce(r.last_at, inbox.last_at),
    last_position = coalesce(r.last_position, inbox.last_position),
    last_version = coalesce(r.last_version, inbox.last_version),
    version = r.version
from json_to_recordset(%(rows)s::json) as r(
    chat_id uuid, name text, status text, department_id uuid, holder_id uuid, unread_by_staff integer,
    unread_by_customer integer, messages integer, messages_at_close integer, reachable boolean,
    tags text[], priority text, snoozed_until timestamptz, waiting_since timestamptz,
    last_text text, last_kind text, last_sender text, last_at timestamptz, last_position bigint,
    last_version integer, version integer)
where inbox.chat_id = r.chat_id;

-- name: change_words
-- A word was edited or deleted; it shows only where it is still the last.
update inbox set last_text = r.last_text, last_kind = r.last_kind
from json_to_recordset(%(rows)s::json) as r(chat_id uuid, version integer, last_text text, last_kind text)
where inbox.chat_id = r.chat_id and inbox.last_version = r.version;

-- name: older_of_all
-- Every chat, those with the newest word first, from a position on. `seen` is the reader's mark, looked up row by row.
select inbox.*, coalesce((
    select seen from marks where moderator_id = %(holder)s and chat_id = inbox.chat_id), 0) as seen
from inbox
where last_position < %(position)s order by last_position desc limit %(limit)s;

-- name: newer_of_all
-- The same list read the other way.
select inbox.*, coalesce((
    select seen from marks where moderator_id = %(holder)s and chat_id = inbox.chat_id), 0) as seen
from inbox
where last_position > %(position)s order by last_position limit %(limit)s;

-- name: older_of_mine
-- Chats of some departments and those one holds: from each as many as the page takes, each by its own index.
select inbox.*, coalesce((
    select seen from marks where moderator_id = %(holder)s and chat_id = inbox.chat_id), 0) as seen
from inbox
where last_position = any (array(
    select place from (
        select near.last_position as place from unnest(%(departments)s::uuid[]) as mine(id) cross join lateral (
            select last_position from inbox where department_id = mine.id and last_position < %(position)s
            order by last_position desc limit %(limit)s) as near
        union
        (select last_position from inbox where holder_id = %(holder)s and last_position < %(position)s
        order by last_position desc limit %(limit)s)) as places
    order by place desc limit %(limit)s))
order by last_position desc;

-- name: newer_of_mine
-- The same list read the other way.
select inbox.*, coalesce((
    select seen from marks where moderator_id = %(holder)s and chat_id = inbox.chat_id), 0) as seen
from inbox
where last_position = any (array(
    select place from (
        select near.last_position as place from unnest(%(departments)s::uuid[]) as mine(id) cross join lateral (
            select last_position from inbox where department_id = mine.id and last_position > %(position)s
            order by last_position limit %(limit)s) as near
        union
        (select last_position from inbox where holder_id = %(holder)s and last_position > %(position)s
        order by last_position limit %(limit)s)) as places
    order by place limit %(limit)s))
order by last_position;

-- name: open_chats
select chat_id, department_id, holder_id, last_position, version from inbox
where status = 'open' and last_position > %(position)s
    and (holder_id is not null or department_id = any (%(departments)s::uuid[]))
order by last_position limit %(limit)s;

-- name: one
select inbox.*, coalesce((
    select seen from marks where moderator_id = %(holder)s and chat_id = inbox.chat_id), 0) as seen
from inbox
where inbox.chat_id = %(chat_id)s;

-- name: of_customers
-- All chats of a few people, as far as somebody may see them.
select inbox.*, coalesce((
    select seen from marks where moderator_id = %(holder)s and chat_id = inbox.chat_id), 0) as seen
from inbox
where customer_id = any (%(customers)s)
    and (%(everything)s or department_id = any (%(departments)s) or holder_id = %(holder)s)
order by last_position desc limit %(limit)s;

-- name: due
-- Chats whose snooze is over.
select chat_id from inbox where snoozed_until <= %(now)s order by snoozed_until limit %(limit)s;
