-- name: create
-- A row carries all that a chat list shows; counters are projected, never counted when read.
-- `last_version` is the chat's version of its last word: an edit of that word shows in the list.
-- Beside its id the key has what a chat may be seen by, so that search need not open the row to ask.
-- `messages` counts the customer's words ever; what a moderator has not seen is that, less their mark in `marks`.
create table inbox (
    chat_id uuid not null,
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
    waiting_since timestamptz,
    primary key (chat_id) include (department_id, holder_id, channel)
);

-- How many chats there are of a kind. Each change of a chat moves it from one kind to another in the same statement.
-- Room is left in its pages, because the same few rows are written all the time.
create table inbox_counts (
    department_id uuid,
    holder_id uuid,
    status text not null,
    waiting boolean not null,
    unread boolean not null,
    chats integer not null,
    unique nulls not distinct (department_id, holder_id, status, waiting, unread)
) with (fillfactor = 50);

-- A row per chat and tag, in the order of the lists.
create table tagged (
    chat_id uuid not null,
    tag text not null,
    last_position bigint not null,
    primary key (chat_id, tag)
);

-- How many chats of a department have a tag; moved like the kinds of chats.
create table tag_counts (
    department_id uuid,
    tag text collate "C" not null,
    chats integer not null,
    unique nulls not distinct (department_id, tag)
) with (fillfactor = 50);

-- name: index
-- Each serves a list in its order (projections/chat_lanes.py says which), so that a page reads as many entries of it as it
-- shows. Those with a `where` hold only the chats that somebody has to look at.
-- Those of the whole list are expressions, the one that finds chats by their places another: else Postgres would now and
-- then read a department's list along one of them, and throw away what it finds of others.
create unique index inbox_by_place on inbox ((-last_position));
create index inbox_by_status on inbox (status, (last_position + 0));
create index inbox_by_department on inbox (department_id, status, last_position);
create index inbox_by_source on inbox (source_id, status, last_position);
create index inbox_by_customer on inbox (customer_id, last_position);
create index inbox_by_holder on inbox (holder_id, status, last_position) where holder_id is not null;
create index inbox_free on inbox ((last_position + 0)) where holder_id is null and status <> 'closed';
create index inbox_free_by_department on inbox (department_id, last_position)
    where holder_id is null and status <> 'closed';
create index inbox_unread on inbox ((last_position + 0)) where unread_by_staff > 0;
create index inbox_unread_by_department on inbox (department_id, last_position) where unread_by_staff > 0;
create index inbox_waiting on inbox (waiting_since, last_position) where waiting_since is not null;
create index inbox_waiting_by_department on inbox (department_id, waiting_since, last_position)
    where waiting_since is not null;
create index inbox_urgent on inbox (priority, last_position) where status <> 'closed';
create index inbox_urgent_by_department on inbox (department_id, priority, last_position) where status <> 'closed';
create index inbox_by_name on inbox (status, lower(left(name, 64) collate pg_c_utf8));
create index inbox_by_peer on inbox (status, lower(left(peer, 64) collate pg_c_utf8));
create index inbox_by_last_text on inbox (status, lower(left(last_text, 64) collate pg_c_utf8));
create index inbox_by_department_name on inbox (department_id, status, lower(left(name, 64) collate pg_c_utf8));
create index inbox_by_department_peer on inbox (department_id, status, lower(left(peer, 64) collate pg_c_utf8));
create index inbox_by_department_last_text on inbox (department_id, status, lower(left(last_text, 64) collate pg_c_utf8));
create index tagged_by_activity on tagged (tag, last_position);
create index tag_counts_by_tag on tag_counts (tag);
create index inbox_snoozed on inbox (snoozed_until) where snoozed_until is not null;

-- name: insert_chats
-- At version 0 nobody has counted it yet: the same event updates it, too.
insert into inbox (
    chat_id, source_id, channel, peer, customer_id, name, is_group, department_id, opened_at, last_at,
    last_position, version)
select chat_id, source_id, channel, peer, customer_id, name, is_group, department_id, opened_at, opened_at,
    last_position, 0
from json_to_recordset(%(rows)s::json) as r(
    chat_id uuid, source_id uuid, channel text, peer text, customer_id uuid, name text, is_group boolean,
    department_id uuid, opened_at timestamptz, last_position bigint);

-- name: update_chats
-- What an event does not change is left out of its row, and stays; the scope is always there, and the status wherever
-- a snooze begins or ends. What a chat was and what it is now moves the counters and its tags.
with changed as (
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
    where inbox.chat_id = r.chat_id
    returning new.chat_id, new.last_position, old.tags as old_tags, new.tags as new_tags, old.version > 0 as counted,
        row(old.department_id, old.holder_id, old.status, old.waiting_since is not null, old.unread_by_staff > 0)
            is distinct from
        row(new.department_id, new.holder_id, new.status, new.waiting_since is not null, new.unread_by_staff > 0)
            as moved,
        old.department_id as old_department, old.holder_id as old_holder, old.status as old_status,
        old.waiting_since is not null as old_waiting, old.unread_by_staff > 0 as old_unread,
        new.department_id as new_department, new.holder_id as new_holder, new.status as new_status,
        new.waiting_since is not null as new_waiting, new.unread_by_staff > 0 as new_unread
), moves as (
    select old_department as department_id, old_holder as holder_id, old_status as status, old_waiting as waiting,
        old_unread as unread, -1 as chats from changed where moved and counted
    union all
    select new_department, new_holder, new_status, new_waiting, new_unread, 1 from changed where moved or not counted
), counted as (
    insert into inbox_counts as known (department_id, holder_id, status, waiting, unread, chats)
    select department_id, holder_id, status, waiting, unread, sum(chats) from moves
    group by department_id, holder_id, status, waiting, unread having sum(chats) <> 0
    on conflict (department_id, holder_id, status, waiting, unread) do update set chats = known.chats + excluded.chats
), tag_moves as (
    select old_department as department_id, unnest(old_tags) as tag, -1 as chats from changed
    union all
    select new_department, unnest(new_tags), 1 from changed
), tags_counted as (
    insert into tag_counts as known (department_id, tag, chats)
    select department_id, tag, sum(chats) from tag_moves group by department_id, tag having sum(chats) <> 0
    on conflict (department_id, tag) do update set chats = known.chats + excluded.chats
), untagged as (
    delete from tagged using changed
    where tagged.chat_id = changed.chat_id and old_tags <> '{}' and tagged.tag <> all (new_tags)
)
insert into tagged (chat_id, tag, last_position)
select chat_id, tag, last_position from changed cross join unnest(new_tags) as tag where new_tags <> '{}'
on conflict (chat_id, tag) do update set last_position = excluded.last_position
    where tagged.last_position <> excluded.last_position;

-- name: change_words
-- A word was edited or deleted; it shows only where it is still the last.
update inbox set last_text = r.last_text, last_kind = r.last_kind
from json_to_recordset(%(rows)s::json) as r(chat_id uuid, version integer, last_text text, last_kind text)
where inbox.chat_id = r.chat_id and inbox.last_version = r.version;

-- name: open_chats
select chat_id, department_id, holder_id, last_position, version from inbox
where status = 'open' and last_position + 0 > %(position)s
    and (holder_id is not null or department_id = any (%(departments)s::uuid[]))
order by last_position + 0 limit %(limit)s;

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
select chat_id, snoozed_until from inbox
where snoozed_until <= %(now)s and (snoozed_until, chat_id) > (%(until)s, %(chat_id)s)
order by snoozed_until, chat_id limit %(limit)s;
