-- Evidence of fields that have no column of their own, and pages of a list that changes meanwhile.
--
-- It may be applied again.

-- The parts of a JSON column follow their fields; those of fields without a column (another form's) follow the record as a whole.
CREATE OR REPLACE FUNCTION sheaf_parts(s submissions, old jsonb, fresh jsonb, new_values jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    WITH named(fields) AS (VALUES (ARRAY['student_name', 'school_name', 'grade', 'teacher_name', 'city_or_location',
                                         'father_figure_name', 'phone', 'email', 'essay']))
    SELECT (CASE WHEN s.approved_at IS NULL THEN fresh ELSE old END - fields)
        || (SELECT coalesce(jsonb_object_agg(field, part) FILTER (WHERE part IS NOT NULL), '{}')
            FROM (SELECT field, CASE WHEN sheaf_kept(s, field, new_values ->> field) THEN old -> field ELSE fresh -> field END AS part
                  FROM unnest(fields) AS field) AS parts)
    FROM named
$$;

-- {owner, school, grade, reason, batch, job, text, needs_review, after, place, limit} → {total, records}: at most `limit` records in
-- order of school, grade, student, id, behind the record `after`, where it stood when it was seen ({school, grade, student} of `place`),
-- without a place where it is now; total counts all that match.
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
                   > (SELECT coalesce(a.school, '') COLLATE "C", sheaf_grade_key(a.grade), coalesce(a.student, '') COLLATE "C", a.id COLLATE "C"
                      FROM (SELECT p #>> '{place,school}' AS school, p #>> '{place,grade}' AS grade, p #>> '{place,student}' AS student,
                                   p ->> 'after' AS id
                            WHERE jsonb_typeof(p -> 'place') = 'object'
                            UNION ALL
                            SELECT o.school_name, o.grade, o.student_name, o.submission_id FROM submissions o
                            WHERE jsonb_typeof(p -> 'place') IS DISTINCT FROM 'object'
                              AND o.submission_id = p ->> 'after' AND o.owner_user_id = (p ->> 'owner')::uuid) AS a))
            ORDER BY coalesce(school_name, '') COLLATE "C", sheaf_grade_key(grade), coalesce(student_name, '') COLLATE "C",
                     submission_id COLLATE "C"
            LIMIT (p ->> 'limit')::int) AS page))
$$;
NOTIFY pgrst, 'reload schema';
