-- Sheaf's records in PostgreSQL, the same in a Supabase project (this file may lie in supabase/migrations as it is).
--
-- Applied to an empty database it makes the tables; applied to the `submissions` that the application before Sheaf has
-- filled it adds what is missing and changes no row.  It may be applied again.
--
-- Everything that touches rows is a function that takes and gives JSON.  persist-svc calls the same functions over libpq and
-- over PostgREST (/rpc/<name>), so what is tested on the one holds on the other.  All are SECURITY INVOKER: row-level
-- security applies to whoever calls.

CREATE TABLE IF NOT EXISTS submissions (submission_id text PRIMARY KEY);

ALTER TABLE submissions
    ADD COLUMN IF NOT EXISTS student_name         text,
    ADD COLUMN IF NOT EXISTS school_name          text,
    ADD COLUMN IF NOT EXISTS grade                text,
    ADD COLUMN IF NOT EXISTS teacher_name         text,
    ADD COLUMN IF NOT EXISTS city_or_location     text,
    ADD COLUMN IF NOT EXISTS father_figure_name   text,
    ADD COLUMN IF NOT EXISTS phone                text,
    ADD COLUMN IF NOT EXISTS email                text,
    ADD COLUMN IF NOT EXISTS essay_text           text,
    ADD COLUMN IF NOT EXISTS word_count           int DEFAULT 0,
    ADD COLUMN IF NOT EXISTS ocr_confidence_avg   real,
    ADD COLUMN IF NOT EXISTS needs_review         bool DEFAULT true,
    ADD COLUMN IF NOT EXISTS review_reason_codes  text DEFAULT '',
    ADD COLUMN IF NOT EXISTS artifact_dir         text,
    ADD COLUMN IF NOT EXISTS filename             text,
    ADD COLUMN IF NOT EXISTS owner_user_id        uuid,
    ADD COLUMN IF NOT EXISTS created_at           timestamptz DEFAULT now(),
    ADD COLUMN IF NOT EXISTS updated_at           timestamptz DEFAULT now(),
    ADD COLUMN IF NOT EXISTS upload_batch_id      uuid,
    ADD COLUMN IF NOT EXISTS school_source        text,
    ADD COLUMN IF NOT EXISTS grade_source         text,
    ADD COLUMN IF NOT EXISTS teacher_source       text,
    ADD COLUMN IF NOT EXISTS doc_class            text,
    ADD COLUMN IF NOT EXISTS parent_submission_id text,
    ADD COLUMN IF NOT EXISTS chunk_index          int DEFAULT 0,
    ADD COLUMN IF NOT EXISTS chunk_page_start     int,
    ADD COLUMN IF NOT EXISTS chunk_page_end       int,
    ADD COLUMN IF NOT EXISTS is_chunk             bool DEFAULT false,
    ADD COLUMN IF NOT EXISTS template_detected    bool DEFAULT false,
    ADD COLUMN IF NOT EXISTS is_container_parent  bool DEFAULT false,
    -- From here on Sheaf's own.
    ADD COLUMN IF NOT EXISTS evidence             jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS field_sources        jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS job_id               text,
    ADD COLUMN IF NOT EXISTS run                  bigint NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS attempt              int NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS delivery             int NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS approved_at          timestamptz,
    ADD COLUMN IF NOT EXISTS approved_by          text,
    ADD COLUMN IF NOT EXISTS approved_codes       text,
    ADD COLUMN IF NOT EXISTS sent_for_review_at   timestamptz,
    ADD COLUMN IF NOT EXISTS deleted_at           timestamptz,
    ADD COLUMN IF NOT EXISTS base_id              text,
    ADD COLUMN IF NOT EXISTS digest               text,
    ADD COLUMN IF NOT EXISTS object_path          text,
    ADD COLUMN IF NOT EXISTS observed             jsonb NOT NULL DEFAULT '[]';

CREATE TABLE IF NOT EXISTS submission_history (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    submission_id text NOT NULL,
    at            timestamptz NOT NULL,
    by            text,
    action        text NOT NULL,
    field         text,
    old           text,
    new           text,
    run           bigint
);

-- ---- what rows look like from outside ----------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION sheaf_time(t timestamptz) RETURNS text LANGUAGE sql STABLE AS
$$ SELECT to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') $$;

CREATE OR REPLACE FUNCTION sheaf_record(s submissions) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT to_jsonb(s) || jsonb_build_object(
        'created_at', sheaf_time(s.created_at), 'updated_at', sheaf_time(s.updated_at),
        'approved_at', sheaf_time(s.approved_at), 'sent_for_review_at', sheaf_time(s.sent_for_review_at),
        'deleted_at', sheaf_time(s.deleted_at), 'chunk_index', coalesce(s.chunk_index, 0),
        'word_count', coalesce(s.word_count, 0), 'needs_review', coalesce(s.needs_review, true),
        'is_container_parent', coalesce(s.is_container_parent, false), 'is_chunk', coalesce(s.is_chunk, false),
        'template_detected', coalesce(s.template_detected, false), 'review_reason_codes', coalesce(s.review_reason_codes, ''),
        'base_id', coalesce(s.base_id, s.submission_id))
$$;

-- What the review list is sorted by: texts by their bytes, grades as numbers.
CREATE OR REPLACE FUNCTION sheaf_grade_key(grade text) RETURNS int LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN grade IS NULL THEN -1 WHEN grade ~ '^[0-9]{1,6}$' THEN grade::int ELSE 0 END
$$;

CREATE INDEX IF NOT EXISTS submissions_list ON submissions
    (owner_user_id, (coalesce(school_name, '') COLLATE "C"), (sheaf_grade_key(grade)),
     (coalesce(student_name, '') COLLATE "C"), (submission_id COLLATE "C"))
    WHERE deleted_at IS NULL AND is_container_parent IS NOT TRUE;
CREATE INDEX IF NOT EXISTS submissions_batch ON submissions (upload_batch_id);
CREATE INDEX IF NOT EXISTS submissions_job ON submissions (job_id);
CREATE INDEX IF NOT EXISTS submissions_digest ON submissions (digest, owner_user_id);
-- One row for each entry of an owner's document, whatever its id had to be derived from.
CREATE UNIQUE INDEX IF NOT EXISTS submissions_entry ON submissions (owner_user_id, base_id, is_container_parent, chunk_index)
    WHERE base_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS submission_history_record ON submission_history (submission_id, id);

-- ---- what a run writes -----------------------------------------------------------------------------------------------

-- A field stays as it is when its record is approved, when a person typed it, or when a batch's default fills what the
-- document still does not say.  The application before Sheaf marked a person's school, grade and teacher in columns.
CREATE OR REPLACE FUNCTION sheaf_kept(s submissions, field text, fresh text) RETURNS bool LANGUAGE sql IMMUTABLE AS $$
    SELECT s.approved_at IS NOT NULL
        OR coalesce(s.field_sources -> field ->> 'source',
                    CASE field WHEN 'school_name' THEN s.school_source WHEN 'grade' THEN s.grade_source
                               WHEN 'teacher_name' THEN s.teacher_source END, '') = 'manual'
        OR (coalesce(s.field_sources -> field ->> 'source', '') = 'batch_default' AND coalesce(fresh, '') = '')
$$;

-- The parts of a JSON column follow their fields.
CREATE OR REPLACE FUNCTION sheaf_parts(s submissions, old jsonb, fresh jsonb, new_values jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(jsonb_object_agg(field, part) FILTER (WHERE part IS NOT NULL), '{}')
    FROM (SELECT field, CASE WHEN sheaf_kept(s, field, new_values ->> field) THEN old -> field ELSE fresh -> field END AS part
          FROM unnest(ARRAY['student_name', 'school_name', 'grade', 'teacher_name', 'city_or_location',
                            'father_figure_name', 'phone', 'email', 'essay']) AS field) AS parts
$$;

-- The one statement by which a run writes a row.  The conditions at both ends are the fence: a row changes only under a token
-- that is not older than its own, and a run adds nothing to a document of which a newer run has already written.
CREATE OR REPLACE FUNCTION sheaf_write_row(p jsonb, id text, parent text, container bool) RETURNS bool
LANGUAGE plpgsql AS $$
DECLARE
    v jsonb := CASE WHEN container THEN '{}' ELSE p -> 'values' END;
    n int;
BEGIN
    INSERT INTO submissions AS s (
        submission_id, owner_user_id, base_id, digest, object_path, filename, job_id, upload_batch_id,
        run, attempt, delivery, doc_class, parent_submission_id, chunk_index, chunk_page_start, chunk_page_end,
        is_chunk, is_container_parent, template_detected, artifact_dir, ocr_confidence_avg,
        observed, evidence, field_sources,
        student_name, school_name, grade, teacher_name, city_or_location, father_figure_name, phone, email,
        essay_text, word_count, needs_review, review_reason_codes, created_at, updated_at)
    SELECT
        id, (p ->> 'owner')::uuid, p ->> 'base', p ->> 'digest', p ->> 'object_path', p ->> 'filename', p ->> 'job',
        (p ->> 'batch')::uuid, (p ->> 'run')::bigint, (p ->> 'attempt')::int, (p ->> 'delivery')::int,
        CASE WHEN container THEN 'MULTI_ENTRY_PARENT' ELSE p ->> 'doc_class' END, parent,
        CASE WHEN container THEN 0 ELSE (p ->> 'index')::int END,
        CASE WHEN container THEN NULL ELSE nullif((p ->> 'page_first')::int, 0) END,
        CASE WHEN container THEN NULL ELSE nullif((p ->> 'page_last')::int, 0) END,
        NOT container AND (p ->> 'entries')::int > 1, container, NOT container AND (p ->> 'template')::bool, p ->> 'artifact_dir',
        CASE WHEN container THEN NULL ELSE (p ->> 'ocr_confidence')::real END,
        CASE WHEN container THEN '[]' ELSE p -> 'observed' END, CASE WHEN container THEN '{}' ELSE p -> 'evidence' END,
        CASE WHEN container THEN '{}' ELSE p -> 'sources' END,
        v ->> 'student_name', v ->> 'school_name', v ->> 'grade', v ->> 'teacher_name', v ->> 'city_or_location',
        v ->> 'father_figure_name', v ->> 'phone', v ->> 'email', v ->> 'essay',
        CASE WHEN container THEN 0 ELSE (p ->> 'word_count')::int END, NOT container, '',
        (p ->> 'at')::timestamptz, (p ->> 'at')::timestamptz
    WHERE NOT EXISTS (SELECT 1 FROM submissions o WHERE o.owner_user_id = (p ->> 'owner')::uuid
                      AND o.base_id = p ->> 'base' AND o.run > (p ->> 'run')::bigint)
    ON CONFLICT (submission_id) DO UPDATE SET
        student_name = CASE WHEN sheaf_kept(s, 'student_name', excluded.student_name) THEN s.student_name ELSE excluded.student_name END,
        school_name = CASE WHEN sheaf_kept(s, 'school_name', excluded.school_name) THEN s.school_name ELSE excluded.school_name END,
        grade = CASE WHEN sheaf_kept(s, 'grade', excluded.grade) THEN s.grade ELSE excluded.grade END,
        teacher_name = CASE WHEN sheaf_kept(s, 'teacher_name', excluded.teacher_name) THEN s.teacher_name ELSE excluded.teacher_name END,
        city_or_location = CASE WHEN sheaf_kept(s, 'city_or_location', excluded.city_or_location) THEN s.city_or_location ELSE excluded.city_or_location END,
        father_figure_name = CASE WHEN sheaf_kept(s, 'father_figure_name', excluded.father_figure_name) THEN s.father_figure_name ELSE excluded.father_figure_name END,
        phone = CASE WHEN sheaf_kept(s, 'phone', excluded.phone) THEN s.phone ELSE excluded.phone END,
        email = CASE WHEN sheaf_kept(s, 'email', excluded.email) THEN s.email ELSE excluded.email END,
        essay_text = CASE WHEN sheaf_kept(s, 'essay', excluded.essay_text) THEN s.essay_text ELSE excluded.essay_text END,
        word_count = CASE WHEN sheaf_kept(s, 'essay', excluded.essay_text) THEN s.word_count ELSE excluded.word_count END,
        field_sources = sheaf_parts(s, s.field_sources, excluded.field_sources, v),
        evidence = sheaf_parts(s, s.evidence, excluded.evidence, v),
        observed = CASE WHEN s.approved_at IS NULL THEN excluded.observed ELSE s.observed END,
        ocr_confidence_avg = CASE WHEN s.approved_at IS NULL THEN excluded.ocr_confidence_avg ELSE s.ocr_confidence_avg END,
        artifact_dir = CASE WHEN s.approved_at IS NULL THEN excluded.artifact_dir ELSE s.artifact_dir END,
        template_detected = CASE WHEN s.approved_at IS NULL THEN excluded.template_detected ELSE s.template_detected END,
        doc_class = CASE WHEN s.approved_at IS NULL THEN excluded.doc_class ELSE s.doc_class END,
        chunk_page_start = CASE WHEN s.approved_at IS NULL THEN excluded.chunk_page_start ELSE s.chunk_page_start END,
        chunk_page_end = CASE WHEN s.approved_at IS NULL THEN excluded.chunk_page_end ELSE s.chunk_page_end END,
        is_chunk = excluded.is_chunk, parent_submission_id = excluded.parent_submission_id,
        chunk_index = excluded.chunk_index, is_container_parent = excluded.is_container_parent,
        base_id = excluded.base_id, digest = excluded.digest, object_path = excluded.object_path,
        filename = excluded.filename, job_id = excluded.job_id, upload_batch_id = excluded.upload_batch_id,
        -- A new run brings back what was deleted; another delivery of the same run does not.
        deleted_at = CASE WHEN excluded.run > s.run THEN NULL ELSE s.deleted_at END,
        run = excluded.run, attempt = excluded.attempt, delivery = excluded.delivery
    WHERE s.owner_user_id = excluded.owner_user_id
      AND (s.run, s.attempt, s.delivery) <= (excluded.run, excluded.attempt, excluded.delivery);
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n > 0;
END $$;

-- The row that this entry already has; else `plain`, or `owned` where another owner's row bears that id.
CREATE OR REPLACE FUNCTION sheaf_choose_id(owner uuid, base text, container bool, index int, plain text, owned text) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        (SELECT submission_id FROM submissions WHERE owner_user_id = owner AND base_id = base
            AND is_container_parent = container AND chunk_index = index),
        CASE WHEN EXISTS (SELECT 1 FROM submissions WHERE submission_id = plain AND owner_user_id IS DISTINCT FROM owner)
             THEN owned ELSE plain END)
$$;

-- {owner, base, digest, job, batch, filename, object_path, artifact_dir, run, attempt, delivery, index, entries, page_first,
-- page_last, doc_class, values, sources, evidence, observed, word_count, ocr_confidence, template, at; id, id_owned, parent_id,
-- parent_id_owned: the ids of CONTRACT section 4 without and with the owner in them}
-- → {id, written, before: record │ null, after: record}.  Writes the entry (and the parent, with the first of several) behind the fence,
-- retires rows of older runs that this run does not have.  What follows from the row (codes) is settle_submissions'.
CREATE OR REPLACE FUNCTION save_submission(p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    owner uuid := p ->> 'owner';
    base text := p ->> 'base';
    several bool := (p ->> 'entries')::int > 1;
    entry text;
    parent text;
    before jsonb;
    after jsonb;
    written bool;
BEGIN
    -- Two deliveries of one document take turns, whichever replica they reach.
    PERFORM pg_advisory_xact_lock(hashtextextended((p ->> 'owner') || base, 0));
    entry := sheaf_choose_id(owner, base, false, (p ->> 'index')::int, p ->> 'id', p ->> 'id_owned');
    IF several THEN
        parent := sheaf_choose_id(owner, base, true, 0, p ->> 'parent_id', p ->> 'parent_id_owned');
        IF (p ->> 'index')::int = 0 THEN PERFORM sheaf_write_row(p, parent, NULL, true); END IF;
    END IF;
    SELECT sheaf_record(s) INTO before FROM submissions s WHERE submission_id = entry FOR UPDATE;
    written := sheaf_write_row(p, entry, parent, false);
    IF written THEN
        IF before IS NULL THEN
            INSERT INTO submission_history (submission_id, at, action, run)
            VALUES (entry, (p ->> 'at')::timestamptz, 'inserted', (p ->> 'run')::bigint);
        END IF;
        -- Rows of older runs that the newest run has no entry for. What a person has touched stays.
        WITH retired AS (
            UPDATE submissions s SET deleted_at = (p ->> 'at')::timestamptz, updated_at = greatest(updated_at, (p ->> 'at')::timestamptz)
            WHERE owner_user_id = owner AND base_id = base AND deleted_at IS NULL AND run < (p ->> 'run')::bigint
              AND approved_at IS NULL
              AND CASE WHEN is_container_parent THEN NOT several ELSE chunk_index >= (p ->> 'entries')::int END
              AND NOT EXISTS (SELECT 1 FROM jsonb_each(field_sources) f WHERE f.value ->> 'source' = 'manual')
            RETURNING submission_id)
        INSERT INTO submission_history (submission_id, at, action, run)
        SELECT submission_id, (p ->> 'at')::timestamptz, 'superseded', (p ->> 'run')::bigint FROM retired;
    END IF;
    SELECT sheaf_record(s) INTO after FROM submissions s WHERE submission_id = entry;
    RETURN jsonb_build_object('id', entry, 'written', written, 'before', before, 'after', after);
END $$;

-- {items: [{record, seen, notes: [{at, by, action, field, old, new, run}]}]} → were they stored.  Writes back what a person may
-- change and what the review rules derive, all or nothing: each row must still be the one that was looked at, its updated_at
-- `seen`, its token the record's.
CREATE OR REPLACE FUNCTION settle_submissions(p jsonb) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
    item jsonb;
    r submissions;
BEGIN
    FOR item IN SELECT jsonb_array_elements(p -> 'items') LOOP
        r := jsonb_populate_record(NULL::submissions, item -> 'record');
        UPDATE submissions s SET
            student_name = r.student_name, school_name = r.school_name, grade = r.grade, teacher_name = r.teacher_name,
            city_or_location = r.city_or_location, father_figure_name = r.father_figure_name, phone = r.phone,
            email = r.email, essay_text = r.essay_text, word_count = r.word_count, needs_review = r.needs_review,
            review_reason_codes = r.review_reason_codes, school_source = r.school_source, grade_source = r.grade_source,
            teacher_source = r.teacher_source, field_sources = r.field_sources, approved_at = r.approved_at,
            approved_by = r.approved_by, approved_codes = r.approved_codes, sent_for_review_at = r.sent_for_review_at,
            deleted_at = r.deleted_at, updated_at = r.updated_at
        WHERE s.submission_id = r.submission_id AND s.owner_user_id = r.owner_user_id
          AND sheaf_time(s.updated_at) IS NOT DISTINCT FROM item ->> 'seen'
          AND (s.run, s.attempt, s.delivery) = (r.run, r.attempt, r.delivery);
        IF NOT FOUND THEN RAISE EXCEPTION 'changed meanwhile' USING ERRCODE = 'SHF01'; END IF;
        INSERT INTO submission_history (submission_id, at, by, action, field, old, new, run)
        SELECT r.submission_id, n.at, n.by, n.action, n.field, n.old, n.new, nullif(n.run, 0)
        FROM jsonb_to_recordset(item -> 'notes')
             AS n(at timestamptz, by text, action text, field text, old text, new text, run bigint);
    END LOOP;
    RETURN true;
EXCEPTION WHEN SQLSTATE 'SHF01' THEN
    RETURN false;
END $$;

-- ---- what is read ------------------------------------------------------------------------------------------------------

-- {owner, ids │ batch} → [record]: those of them that are not deleted; parents only by their id.
CREATE OR REPLACE FUNCTION get_submissions(p jsonb) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(sheaf_record(s)), '[]') FROM submissions s
    WHERE owner_user_id = (p ->> 'owner')::uuid AND deleted_at IS NULL
      AND CASE WHEN p ->> 'batch' IS NULL THEN submission_id IN (SELECT jsonb_array_elements_text(p -> 'ids'))
               ELSE upload_batch_id::text = p ->> 'batch' AND is_container_parent IS NOT TRUE END
$$;

-- The user's text as a LIKE pattern that finds it anywhere, with nothing of it special.
CREATE OR REPLACE FUNCTION sheaf_anywhere(t text) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT '%' || regexp_replace(t, '([\\%_])', '\\\1', 'g') || '%' $$;

CREATE OR REPLACE FUNCTION sheaf_matches(s submissions, p jsonb) RETURNS bool LANGUAGE sql STABLE AS $$
    SELECT s.owner_user_id = (p ->> 'owner')::uuid AND s.deleted_at IS NULL AND s.is_container_parent IS NOT TRUE
       AND (p ->> 'batch' IS NULL OR s.upload_batch_id::text = p ->> 'batch')
       AND (p ->> 'job' IS NULL OR s.job_id = p ->> 'job')
       AND (p ->> 'reason' IS NULL OR strpos(';' || s.review_reason_codes || ';', ';' || (p ->> 'reason') || ';') > 0)
       AND (p ->> 'text' IS NULL OR concat_ws(E'\n', s.student_name, s.school_name, s.teacher_name, s.filename, s.submission_id)
                                    ILIKE sheaf_anywhere(p ->> 'text'))
$$;

CREATE OR REPLACE FUNCTION sheaf_chosen(s submissions, p jsonb) RETURNS bool LANGUAGE sql STABLE AS $$
    SELECT sheaf_matches(s, p)
       AND (p ->> 'needs_review' IS NULL OR coalesce(s.needs_review, true) = (p ->> 'needs_review')::bool)
       AND (p ->> 'school' IS NULL OR coalesce(s.school_name, '') = CASE p ->> 'school' WHEN '-' THEN '' ELSE p ->> 'school' END)
       AND (p ->> 'grade' IS NULL OR coalesce(s.grade, '') = CASE p ->> 'grade' WHEN '-' THEN '' ELSE p ->> 'grade' END)
$$;

-- {owner, school, grade, reason, batch, job, text, needs_review, after, limit} → {total, records}: at most `limit` records in order of
-- school, grade, student, id, behind the record `after`; total counts all that match.
CREATE OR REPLACE FUNCTION list_submissions(p jsonb) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'total', CASE WHEN p ->> 'count' = 'false' THEN NULL
                      ELSE (SELECT count(*) FROM submissions s WHERE owner_user_id = (p ->> 'owner')::uuid AND sheaf_chosen(s, p)) END,
        'records', (SELECT coalesce(jsonb_agg(sheaf_record(page)), '[]') FROM (
            SELECT s.* FROM submissions s
            WHERE owner_user_id = (p ->> 'owner')::uuid AND deleted_at IS NULL AND is_container_parent IS NOT TRUE AND sheaf_chosen(s, p)
              AND (p ->> 'after' IS NULL OR
                   (coalesce(school_name, '') COLLATE "C", sheaf_grade_key(grade), coalesce(student_name, '') COLLATE "C",
                    submission_id COLLATE "C")
                   > (SELECT coalesce(a.school_name, '') COLLATE "C", sheaf_grade_key(a.grade),
                             coalesce(a.student_name, '') COLLATE "C", a.submission_id COLLATE "C"
                      FROM submissions a WHERE a.submission_id = p ->> 'after' AND a.owner_user_id = (p ->> 'owner')::uuid))
            ORDER BY coalesce(school_name, '') COLLATE "C", sheaf_grade_key(grade), coalesce(student_name, '') COLLATE "C",
                     submission_id COLLATE "C"
            LIMIT (p ->> 'limit')::int) AS page))
$$;

CREATE OR REPLACE FUNCTION group_submissions(p jsonb) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object('school', school_name, 'grade', grade, 'count', n, 'needs_review', review)
                              ORDER BY coalesce(school_name, '') COLLATE "C", sheaf_grade_key(grade)), '[]')
    FROM (SELECT school_name, grade, count(*) AS n, count(*) FILTER (WHERE coalesce(needs_review, true)) AS review
          FROM submissions s WHERE owner_user_id = (p ->> 'owner')::uuid AND sheaf_matches(s, p)
          GROUP BY school_name, grade) AS groups
$$;

-- {owner, id} → [{at, by, action, field, old, new, run}], oldest first, or null: no such record of this owner.
CREATE OR REPLACE FUNCTION history_of_submission(p jsonb) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN EXISTS (SELECT 1 FROM submissions WHERE submission_id = p ->> 'id' AND owner_user_id = (p ->> 'owner')::uuid)
        THEN (SELECT coalesce(jsonb_agg(jsonb_build_object('at', sheaf_time(at), 'by', by, 'action', action, 'field', field,
                                                           'old', old, 'new', new, 'run', run) ORDER BY id), '[]')
              FROM submission_history WHERE submission_id = p ->> 'id') END
$$;

-- {owner, digest} → submission_id │ null
CREATE OR REPLACE FUNCTION find_submission(p jsonb) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT (SELECT to_jsonb(submission_id) FROM submissions WHERE digest = p ->> 'digest' AND owner_user_id = (p ->> 'owner')::uuid
            AND deleted_at IS NULL AND is_container_parent IS NOT TRUE ORDER BY chunk_index LIMIT 1)
$$;

CREATE OR REPLACE FUNCTION stats_of_submissions(p jsonb) RETURNS jsonb LANGUAGE sql STABLE AS $$
    WITH mine AS (SELECT * FROM submissions WHERE owner_user_id = (p ->> 'owner')::uuid AND deleted_at IS NULL
                  AND is_container_parent IS NOT TRUE)
    SELECT jsonb_build_object(
        'total', count(*), 'needs_review', count(*) FILTER (WHERE coalesce(needs_review, true)),
        'approved', count(*) FILTER (WHERE NOT coalesce(needs_review, true)), 'schools', count(DISTINCT nullif(school_name, '')),
        'batches', count(DISTINCT upload_batch_id), 'documents', count(DISTINCT base_id),
        'last_updated_at', sheaf_time(max(updated_at)),
        'reasons', (SELECT coalesce(jsonb_object_agg(code, n), '{}') FROM (
            SELECT code, count(*) AS n FROM mine, unnest(string_to_array(review_reason_codes, ';')) AS code
            WHERE coalesce(needs_review, true) AND code <> '' GROUP BY code) AS codes))
    FROM mine
$$;

-- ---- whose rows ------------------------------------------------------------------------------------------------------------

-- PostgREST (and persist-svc over libpq) set request.jwt.claims for each transaction. Where it was set once and ended it
-- is '', not null.
CREATE OR REPLACE FUNCTION sheaf_claim(name text) RETURNS text LANGUAGE sql STABLE AS
$$ SELECT nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> name $$;

ALTER TABLE submissions ENABLE ROW LEVEL SECURITY;
ALTER TABLE submissions FORCE ROW LEVEL SECURITY;
ALTER TABLE submission_history ENABLE ROW LEVEL SECURITY;
ALTER TABLE submission_history FORCE ROW LEVEL SECURITY;

DROP POLICY IF EXISTS sheaf_owner ON submissions;
CREATE POLICY sheaf_owner ON submissions
    USING (owner_user_id::text = (SELECT sheaf_claim('sub')) OR (SELECT sheaf_claim('role')) = 'service_role')
    WITH CHECK (owner_user_id::text = (SELECT sheaf_claim('sub')) OR (SELECT sheaf_claim('role')) = 'service_role');
DROP POLICY IF EXISTS sheaf_owner ON submission_history;
CREATE POLICY sheaf_owner ON submission_history
    USING ((SELECT sheaf_claim('role')) = 'service_role' OR EXISTS (
        SELECT 1 FROM submissions s WHERE s.submission_id = submission_history.submission_id
        AND s.owner_user_id::text = (SELECT sheaf_claim('sub'))))
    WITH CHECK ((SELECT sheaf_claim('role')) = 'service_role' OR EXISTS (
        SELECT 1 FROM submissions s WHERE s.submission_id = submission_history.submission_id
        AND s.owner_user_id::text = (SELECT sheaf_claim('sub'))));

-- In a Supabase project browsers reach the database with the anon and authenticated roles: they may read their own rows, and
-- only the service writes.  In a plain PostgreSQL these roles are not there.
DO $$
DECLARE f regprocedure;
BEGIN
    FOR f IN SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = current_schema()::regnamespace
             AND p.proname IN ('save_submission', 'settle_submissions', 'sheaf_write_row') LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f);
        IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'service_role') THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO service_role', f);
        END IF;
    END LOOP;
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'service_role') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON submissions, submission_history TO service_role;
    END IF;
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'authenticated') THEN
        GRANT SELECT ON submissions, submission_history TO authenticated;
    END IF;
END $$;
NOTIFY pgrst, 'reload schema';
