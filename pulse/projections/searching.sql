-- name: guess
-- How many rows Postgres thinks have these words, from its statistics of how often each word stands: it looks at no row.
explain (format json) select from search.search where words @@ %(lexemes)s::tsquery;

-- name: span
-- The positions between two times. Clocks of processes differ a little, so it reaches a little further.
select (select position from search.search where at >= %(since)s order by at limit 1) - 1000 as bottom,
    (select position from search.search where at < %(until)s order by at desc limit 1) + 1000 as top;

-- name: reach
-- The position before which (or after which) a number of rows lie, if there are more.
select position from search.search where position < %(top)s and position > %(bottom)s
order by position {down} offset %(rows)s limit 1;

-- name: page
-- Of what was `found` the next rows that may be seen, in their order: what a chat may be seen by stands in the index of
-- its id, so that this is asked row by row, until the page is full.
with found as materialized ({found}),
page as (
    select chat_id, version, position, at from (select * from found {said} order by position {down}) as said
    where position < %(top)s and position > %(bottom)s and at >= %(since)s and at < %(until)s
        and (%(chats)s::uuid[] is null or chat_id = any (%(chats)s::uuid[]))
        and (select (%(everything)s or department_id = any (%(departments)s) or holder_id = %(holder)s)
            and (%(channel)s::text is null or channel = %(channel)s) from inbox where inbox.chat_id = said.chat_id)
    order by position {down} limit %(limit)s)
select page.chat_id, page.version, page.position, at, inbox.name, channel, entry, customers.peer, username, phone
from page join inbox using (chat_id)
left join thread on thread.chat_id = page.chat_id and thread.version = page.version
left join customers on customers.customer_id = inbox.customer_id and page.version = 0
order by page.position {down};

-- name: near
-- A piece of the log, row by row.
select chat_id, version, position, at, words from search.search
where position < %(top)s and position > %(bottom)s order by position {down}

-- name: everywhere
-- All rows with these words by the words' index. As long as words are rare this is little; the planner must not guess how
-- rare they are, so it does not see them, nor the positions, which would tempt it to look them all up.
select chat_id, version, position, at from search.search
where words @@ (select %(lexemes)s::tsquery) and (%(chats)s::uuid[] is null or chat_id = any (%(chats)s::uuid[]))

-- name: in_chats
-- All rows of a few chats: here even the commonest word takes no longer than any.
select chat_id, version, position, at, words from search.search where chat_id = any (%(chats)s::uuid[])

-- name: said
where words @@ %(lexemes)s::tsquery

-- name: chats_of
select chat_id from inbox where customer_id = any (%(customers)s) order by last_position desc limit %(limit)s;

-- name: how_many
select coalesce(sum(chats), 0) as chats from inbox_counts
where department_id = any (%(departments)s) or holder_id = %(holder)s;

-- name: chats_within
-- All chats that somebody may see, each way by its own index.
select chat_id from inbox where holder_id = %(holder)s
union
select chat_id from inbox where department_id = any (%(departments)s);
