-- name: create
-- A row per entry, and one of version 0 per chat, by which the chat is found: its names and ids lie in columns of their
-- own, because each comes by itself. What is shown is read from `read.thread`; here is only where each word stands.
-- Every row also has the word `@n`, which nobody can write: n counts pieces of 262,144 positions. With it the index of
-- words finds the newest of a common word without going through all of them.
create table search (
    chat_id uuid not null,
    version integer not null,
    position bigint not null,
    at timestamptz not null,
    words tsvector not null,
    customer_id uuid,
    ids text[],
    title text[],
    name text[],
    username text[],
    phone text[],
    primary key (chat_id, version)
);
create index search_of_customers on search (customer_id) where version = 0;

-- name: index
-- What waits to be sorted into the words' index is read through by every search, so it is kept short.
create unique index search_by_position on search (position);
create index search_by_time on search (at);
create index search_by_words on search using gin (words) with (gin_pending_list_limit = 512);

-- name: upsert_chats
insert into search as known (chat_id, version, position, at, customer_id, ids, title, words)
select chat_id, 0, position, at, customer_id, ids, title,
    array_to_tsvector(ids || title || ('@' || (position >> 18)))
from json_to_recordset(%(rows)s::json) as r(
    chat_id uuid, position bigint, at timestamptz, customer_id uuid, ids text[], title text[])
on conflict (chat_id, version) do update set
    customer_id = excluded.customer_id, ids = excluded.ids, title = coalesce(excluded.title, known.title),
    words = known.words || excluded.words;

-- name: insert_entries
insert into search (chat_id, version, position, at, words)
select chat_id, version, position, at, array_to_tsvector(words || ('@' || (position >> 18)))
from json_to_recordset(%(rows)s::json) as r(
    chat_id uuid, version integer, position bigint, at timestamptz, words text[]);

-- name: name_people
update search as s set
    name = coalesce(r.name, s.name), username = coalesce(r.username, s.username), phone = coalesce(r.phone, s.phone),
    words = array_to_tsvector(s.ids || s.title || coalesce(r.name, s.name) || coalesce(r.username, s.username)
        || coalesce(r.phone, s.phone) || ('@' || (s.position >> 18)))
from json_to_recordset(%(rows)s::json) as r(customer_id uuid, name text[], username text[], phone text[])
where s.customer_id = r.customer_id and s.version = 0
    and (coalesce(r.name, s.name), coalesce(r.username, s.username), coalesce(r.phone, s.phone))
        is distinct from (s.name, s.username, s.phone);

-- name: name_chats
update search as s set title = r.title,
    words = array_to_tsvector(s.ids || r.title || s.name || s.username || s.phone || ('@' || (s.position >> 18)))
from json_to_recordset(%(rows)s::json) as r(chat_id uuid, title text[])
where s.chat_id = r.chat_id and s.version = 0;

-- name: change_entries
-- A message that was deleted is not here any more, and stays away.
update search as s set words = array_to_tsvector(r.words || ('@' || (s.position >> 18)))
from json_to_recordset(%(rows)s::json) as r(chat_id uuid, version integer, words text[])
where s.chat_id = r.chat_id and s.version = r.version;

-- name: forget_entries
delete from search using json_to_recordset(%(rows)s::json) as r(chat_id uuid, version integer)
where search.chat_id = r.chat_id and search.version = r.version;
