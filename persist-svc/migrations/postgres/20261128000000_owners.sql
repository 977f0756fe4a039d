-- Two owners who save the same document at the same moment.
--
-- It may be applied again.

-- The row that this entry already has; else `plain`, or `owned` where another owner's row bears that id.  Owners of the same document take
-- turns at it: whoever does not see yet that somebody else takes `plain` would find it taken when he writes, and go without a row.
CREATE OR REPLACE FUNCTION sheaf_choose_id(owner uuid, base text, container bool, index int, plain text, owned text) RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(base, 0));
    RETURN coalesce(
        (SELECT submission_id FROM submissions WHERE owner_user_id = owner AND base_id = base
            AND is_container_parent = container AND chunk_index = index),
        CASE WHEN EXISTS (SELECT 1 FROM submissions WHERE submission_id = plain AND owner_user_id IS DISTINCT FROM owner)
             THEN owned ELSE plain END);
END $$;
NOTIFY pgrst, 'reload schema';
