-- name: lead
-- One at a time, for as long as the connection lives.
select pg_advisory_lock(x'70756C73'::integer, hashtext(%(what)s));

-- name: enter
-- Shared by those who write. It stands before the first name of a table: names find the new tables after a swap.
select pg_advisory_xact_lock_shared(x'70757772'::integer, hashtext(%(schema)s));

-- name: have_alone
select pg_advisory_xact_lock(x'70757772'::integer, hashtext(%(schema)s));
