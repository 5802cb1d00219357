-- name: stems
-- Each word as its dictionary knows it; null for words that are too common to have a form.
select word, (select lexeme from unnest(to_tsvector('russian', word)) limit 1) as stem
from unnest(%(words)s::text[]) as word;

-- name: guess
-- How many rows Postgres thinks have these words, from its statistics of how often each word stands: it looks at no row.
explain (format json) select from search.search where words @@ %(lexemes)s::tsquery;

-- name: span
-- The positions between two times. Clocks of processes differ a little, so it reaches a little further.
select (select position from search.search where at >= %(since)s order by at limit 1) - 1000 as bottom,
    (select position from search.search where at < %(until)s order by at desc limit 1) + 1000 as top;

-- name: reach_older
-- The position before which a number of rows lie, if there are more.
select position from search.search where position < %(top)s and position > %(bottom)s
order by position desc offset %(rows)s limit 1;

-- name: reach_newer
-- The same, the other way.
select position from search.search where position < %(top)s and position > %(bottom)s
order by position offset %(rows)s limit 1;

-- name: older_near
-- Row by row through a piece of the log, the newest first: as soon as the page is full, it ends.
with near as materialized (
    select chat_id, version, position, at, words from search.search
    where position < %(top)s and position > %(bottom)s order by position desc),
page as (
    select near.chat_id, near.version, position, at, name, channel, customer_id from near join inbox using (chat_id)
    where words @@ %(lexemes)s::tsquery and at >= %(since)s and at < %(until)s
        and (%(chats)s::uuid[] is null or near.chat_id = any (%(chats)s::uuid[]))
        and (%(channel)s::text is null or channel = %(channel)s)
        and (%(everything)s or department_id = any (%(departments)s) or holder_id = %(holder)s)
    order by position desc limit %(limit)s)
select page.chat_id, page.version, page.position, at, page.name, channel, entry, peer, username, phone from page
left join thread on thread.chat_id = page.chat_id and thread.version = page.version
left join customers on customers.customer_id = page.customer_id and page.version = 0
order by page.position desc;

-- name: newer_near
-- The same, the other way.
with near as materialized (
    select chat_id, version, position, at, words from search.search
    where position < %(top)s and position > %(bottom)s order by position),
page as (
    select near.chat_id, near.version, position, at, name, channel, customer_id from near join inbox using (chat_id)
    where words @@ %(lexemes)s::tsquery and at >= %(since)s and at < %(until)s
        and (%(chats)s::uuid[] is null or near.chat_id = any (%(chats)s::uuid[]))
        and (%(channel)s::text is null or channel = %(channel)s)
        and (%(everything)s or department_id = any (%(departments)s) or holder_id = %(holder)s)
    order by position limit %(limit)s)
select page.chat_id, page.version, page.position, at, page.name, channel, entry, peer, username, phone from page
left join thread on thread.chat_id = page.chat_id and thread.version = page.version
left join customers on customers.customer_id = page.customer_id and page.version = 0
order by page.position;

-- name: older_everywhere
-- All rows with these words by the words' index, then the newest of them that may be seen. As long as words are rare
-- this is little; the planner must not guess how rare they are, so it does not see them, nor the positions, which would
-- tempt it to look them all up.
with found as materialized (
    select chat_id, version, position, at from search.search
    where words @@ (select %(lexemes)s::tsquery)
        and (%(chats)s::uuid[] is null or chat_id = any (%(chats)s::uuid[]))),
page as (
    select s.chat_id, s.version, position, at, name, channel, customer_id
    from (select * from found order by position desc) as s join inbox using (chat_id)
    where position < %(top)s and position > %(bottom)s and at >= %(since)s and at < %(until)s
        and (%(channel)s::text is null or channel = %(channel)s)
        and (%(everything)s or department_id = any (%(departments)s) or holder_id = %(holder)s)
    order by position desc limit %(limit)s)
select page.chat_id, page.version, page.position, at, page.name, channel, entry, peer, username, phone from page
left join thread on thread.chat_id = page.chat_id and thread.version = page.version
left join customers on customers.customer_id = page.customer_id and page.version = 0
order by page.position desc;

-- name: newer_everywhere
-- The same, the other way.
with found as materialized (
    select chat_id, version, position, at from search.search
    where words @@ (select %(lexemes)s::tsquery)
        and (%(chats)s::uuid[] is null or chat_id = any (%(chats)s::uuid[]))),
page as (
    select s.chat_id, s.version, position, at, name, channel, customer_id
    from (select * from found order by position) as s join inbox using (chat_id)
    where position < %(top)s and position > %(bottom)s and at >= %(since)s and at < %(until)s
        and (%(channel)s::text is null or channel = %(channel)s)
        and (%(everything)s or department_id = any (%(departments)s) or holder_id = %(holder)s)
    order by position limit %(limit)s)
select page.chat_id, page.version, page.position, at, page.name, channel, entry, peer, username, phone from page
left join thread on thread.chat_id = page.chat_id and thread.version = page.version
left join customers on customers.customer_id = page.customer_id and page.version = 0
order by page.position;

-- name: chats_of
select chat_id from inbox where customer_id = any (%(customers)s) order by last_position desc limit %(limit)s;

-- name: older_in_chats
-- All rows of a few chats, and those of them with these words: here even the commonest word takes no longer than any.
with found as materialized (
    select chat_id, version, position, at, words from search.search where chat_id = any (%(chats)s::uuid[])),
page as (
    select s.chat_id, s.version, position, at, name, channel, customer_id
    from (select * from found where words @@ %(lexemes)s::tsquery order by position desc) as s join inbox using (chat_id)
    where position < %(top)s and position > %(bottom)s and at >= %(since)s and at < %(until)s
        and (%(channel)s::text is null or channel = %(channel)s)
        and (%(everything)s or department_id = any (%(departments)s) or holder_id = %(holder)s)
    order by position desc limit %(limit)s)
select page.chat_id, page.version, page.position, at, page.name, channel, entry, peer, username, phone from page
left join thread on thread.chat_id = page.chat_id and thread.version = page.version
left join customers on customers.customer_id = page.customer_id and page.version = 0
order by page.position desc;

-- name: newer_in_chats
-- The same, the other way.
with found as materialized (
    select chat_id, version, position, at, words from search.search where chat_id = any (%(chats)s::uuid[])),
page as (
    select s.chat_id, s.version, position, at, name, channel, customer_id
    from (select * from found where words @@ %(lexemes)s::tsquery order by position) as s join inbox using (chat_id)
    where position < %(top)s and position > %(bottom)s and at >= %(since)s and at < %(until)s
        and (%(channel)s::text is null or channel = %(channel)s)
        and (%(everything)s or department_id = any (%(departments)s) or holder_id = %(holder)s)
    order by position limit %(limit)s)
select page.chat_id, page.version, page.position, at, page.name, channel, entry, peer, username, phone from page
left join thread on thread.chat_id = page.chat_id and thread.version = page.version
left join customers on customers.customer_id = page.customer_id and page.version = 0
order by page.position;

-- name: chats_within
-- Some of the chats that somebody may see, each way by its own index.
select chat_id from (
    (select chat_id from inbox where holder_id = %(holder)s limit %(limit)s)
    union
    (select chat_id from inbox where department_id = any (%(departments)s) limit %(limit)s)) as mine
limit %(limit)s;
