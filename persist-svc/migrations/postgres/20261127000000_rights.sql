-- Who may do what, also where a database gives rights away by itself; and whether the service may do what it has to.
--
-- It may be applied again.

-- {owner} → true.  A row and a line of history are written, read, and taken back, by the function that saves records: whatever keeps
-- those from being written (a right that is missing, a policy of somebody else's, a column that wants a value) is this call's error.
CREATE OR REPLACE FUNCTION probe_submissions(p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    entry text := 'sheaf-probe-' || gen_random_uuid();
BEGIN
    BEGIN
        PERFORM sheaf_write_row(
            '{"filename": "probe.pdf", "run": 1, "attempt": 1, "delivery": 1, "doc_class": "SINGLE_TYPED", "index": 0, "entries": 1,
              "template": false, "word_count": 0, "observed": [], "evidence": {}, "sources": {}, "values": {}}'
            || jsonb_build_object('owner', p ->> 'owner', 'base', entry, 'at', now()), entry, NULL, false);
        INSERT INTO submission_history (submission_id, at, action) VALUES (entry, now(), 'probed');
        IF NOT EXISTS (SELECT 1 FROM submissions WHERE submission_id = entry)
           OR NOT EXISTS (SELECT 1 FROM submission_history WHERE submission_id = entry) THEN
            RAISE EXCEPTION 'what was written cannot be read' USING ERRCODE = '42501';
        END IF;
        RAISE EXCEPTION 'taken back' USING ERRCODE = 'SHF02';
    EXCEPTION WHEN SQLSTATE 'SHF02' THEN
        NULL;
    END;
    RETURN 'true';
END $$;

-- A Supabase project gives each new table and function to `anon` and `authenticated` by name (default privileges), so that what
-- PUBLIC may not is still theirs.  Browsers may read their own rows once they are signed in, and only the service writes.
DO $$
DECLARE
    f regprocedure;
    role text;
BEGIN
    FOR f IN SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = current_schema()::regnamespace
             AND p.proname IN ('save_submission', 'settle_submissions', 'sheaf_write_row', 'probe_submissions') LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f);
        FOR role IN SELECT rolname FROM pg_roles WHERE rolname IN ('anon', 'authenticated') LOOP
            EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM %I', f, role);
        END LOOP;
        IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'service_role') THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO service_role', f);
        END IF;
    END LOOP;
    FOR role IN SELECT rolname FROM pg_roles WHERE rolname IN ('anon', 'authenticated') LOOP
        EXECUTE format('REVOKE ALL ON submissions, submission_history FROM %I', role);
        IF to_regclass('sheaf_migrations') IS NOT NULL THEN
            EXECUTE format('REVOKE ALL ON sheaf_migrations FROM %I', role);
        END IF;
    END LOOP;
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'authenticated') THEN
        GRANT SELECT ON submissions, submission_history TO authenticated;
    END IF;
END $$;
NOTIFY pgrst, 'reload schema';
