-- name: everywhere
-- Reads as many rows as there are departments and tags together, however many chats.
select tag, sum(chats)::int as chats from tag_counts
where tag between %(begins)s and %(beyond)s
group by tag having sum(chats) > 0
order by sum(chats) desc, tag limit %(limit)s;

-- name: in_reach
-- Those of one's departments, and of the few chats that one holds elsewhere.
select tag, sum(chats)::int as chats from (
    select counted.tag, counted.chats from unnest(%(departments)s::uuid[]) as mine(id) cross join lateral (
        select tag, chats from tag_counts
        where department_id = mine.id and tag between %(begins)s and %(beyond)s) as counted
    union all
    select held.tag collate "C", 1 from inbox cross join lateral unnest(tags) as held(tag)
    where holder_id = %(holder)s and (department_id is null or department_id <> all (%(departments)s::uuid[]))
        and held.tag collate "C" between %(begins)s and %(beyond)s) as seen
group by tag having sum(chats) > 0
order by sum(chats) desc, tag limit %(limit)s;
