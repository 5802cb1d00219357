-- name: create
-- An entry is what people see of a message, reply or note (`inside`: only moderators see it); its id is the chat's
-- version at which it came. Nobody searches
-- in it, and as json it is stored as it comes: that costs Postgres a third less than making it jsonb.
create table thread (
    chat_id uuid not null,
    version integer not null,
    position bigint not null,
    inside boolean not null,
    entry json not null,
    primary key (chat_id, version)
);

-- name: insert_entries
insert into thread (chat_id, version, position, inside, entry)
select chat_id, version, position, inside, entry
from json_to_recordset(%(rows)s::json) as r(
    chat_id uuid, version integer, position bigint, inside boolean, entry json);

-- name: change_entries
-- Lays the changed fields over the entry: an edit, a deletion, a reaction, a file. Reactions go by author; null takes
-- back. Files go by their attachment's id, and are laid over it when read.
update thread set entry = thread.entry::jsonb || r.patch || case when r.patch ? 'reactions' then jsonb_build_object(
    'reactions', jsonb_strip_nulls(coalesce((thread.entry->'reactions')::jsonb, '{}') || (r.patch->'reactions')))
    else '{}' end || case when r.patch ? 'files' then jsonb_build_object(
    'files', coalesce((thread.entry->'files')::jsonb, '{}') || (r.patch->'files')) else '{}' end
from json_to_recordset(%(rows)s::json) as r(chat_id uuid, version integer, patch jsonb)
where thread.chat_id = r.chat_id and thread.version = r.version;

-- name: newest
-- A page from the end, or what came before an entry, newest first.
select entry from thread
where chat_id = %(chat_id)s and version < %(before)s and (%(inside)s or not inside)
order by version desc limit %(limit)s;

-- name: after
-- What came after an entry, oldest first.
select entry from thread
where chat_id = %(chat_id)s and version > %(after)s and (%(inside)s or not inside)
order by version limit %(limit)s;

-- name: around
-- What came before an entry, and the entry with what came after it, oldest first.
select version, entry from (
    (select version, entry from thread
    where chat_id = %(chat_id)s and version < %(of)s and (%(inside)s or not inside)
    order by version desc limit %(earlier)s)
    union all
    (select version, entry from thread
    where chat_id = %(chat_id)s and version >= %(of)s and (%(inside)s or not inside)
    order by version limit %(later)s)) as near
order by version;

-- name: place_of
-- Where an event of a chat lies, or one before it that people see.
select version, position from thread
where chat_id = %(chat_id)s and version <= %(version)s
order by version desc limit 1;
