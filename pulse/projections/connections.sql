-- name: lead
-- One at a time, for as long as the connection lives.
select pg_advisory_lock(x'70756C73'::integer, hashtext(%(what)s));

-- name: make_alone
select pg_advisory_xact_lock(x'70756D61'::integer, hashtext(%(schema)s));

-- name: enter
-- Writers share this lock and a swap has it alone. Postgres looks the name up again after waiting for it, so
-- whatever follows in the transaction goes to the tables that bear the names by then.
lock table checkpoint in row exclusive mode;
