-- name: create
-- Where each word of the rooms stands. What is shown, and whose rooms they are, is read from `read.rooms`.
create table room_words (
    position bigint primary key,
    room_id uuid not null,
    number integer not null,
    words tsvector not null
);

-- name: index
create index room_words_by_words on room_words using gin (words) with (gin_pending_list_limit = 512);

-- name: insert_words
insert into room_words (position, room_id, number, words)
select position, room_id, number, array_to_tsvector(words)
from json_to_recordset(%(rows)s::json) as r(
    position bigint, room_id uuid, number integer, words text[]);

-- name: page
-- Messages with these words in the general room and in one's own direct ones, in their order. The planner must not guess
-- how rare the words are, so it does not see them.
with found as materialized (
    select position, room_id, number from search.room_words
    where words @@ (select %(lexemes)s::tsquery) and (%(room)s::uuid is null or room_id = %(room)s))
select found.position, rooms.room_id, one, other, number, at, moderator_id, text
from found join rooms using (room_id) join room_messages using (room_id, number)
where position {before} %(position)s and (one is null or %(me)s in (one, other))
order by position {down} limit %(limit)s;
