-- The records and what was done to them.  Times are RFC 3339 in UTC with milliseconds, so that they sort as texts.

CREATE TABLE submissions (
    submission_id        TEXT PRIMARY KEY NOT NULL,
    student_name         TEXT,
    school_name          TEXT,
    grade                TEXT,
    teacher_name         TEXT,
    city_or_location     TEXT,
    father_figure_name   TEXT,
    phone                TEXT,
    email                TEXT,
    essay_text           TEXT,
    word_count           INTEGER NOT NULL DEFAULT 0,
    ocr_confidence_avg   REAL,
    needs_review         INTEGER NOT NULL DEFAULT 1 CHECK (needs_review IN (0, 1)),
    review_reason_codes  TEXT NOT NULL DEFAULT '',
    artifact_dir         TEXT,
    filename             TEXT,
    owner_user_id        TEXT NOT NULL,
    created_at           TEXT NOT NULL,
    updated_at           TEXT NOT NULL,
    upload_batch_id      TEXT,
    school_source        TEXT CHECK (school_source IN ('extracted', 'batch_default', 'manual')),
    grade_source         TEXT CHECK (grade_source IN ('extracted', 'batch_default', 'manual')),
    teacher_source       TEXT CHECK (teacher_source IN ('extracted', 'batch_default', 'manual')),
    doc_class            TEXT CHECK (doc_class IN ('SINGLE_TYPED', 'SINGLE_SCANNED', 'MULTI_PAGE_SINGLE',
                                                   'BULK_SCANNED_BATCH', 'MULTI_ENTRY_PARENT')),
    parent_submission_id TEXT,
    chunk_index          INTEGER NOT NULL DEFAULT 0,
    chunk_page_start     INTEGER,
    chunk_page_end       INTEGER,
    is_chunk             INTEGER NOT NULL DEFAULT 0 CHECK (is_chunk IN (0, 1)),
    template_detected    INTEGER NOT NULL DEFAULT 0 CHECK (template_detected IN (0, 1)),
    is_container_parent  INTEGER NOT NULL DEFAULT 0 CHECK (is_container_parent IN (0, 1)),
    evidence             TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(evidence)),
    field_sources        TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(field_sources)),
    job_id               TEXT,
    run                  INTEGER NOT NULL,
    attempt              INTEGER NOT NULL,
    delivery             INTEGER NOT NULL,
    approved_at          TEXT,
    approved_by          TEXT,
    approved_codes       TEXT,
    sent_for_review_at   TEXT,
    deleted_at           TEXT,
    -- Of the document: what duplicates are found by, and where its bytes are.
    base_id              TEXT NOT NULL,
    digest               TEXT NOT NULL,
    object_path          TEXT,
    -- Review codes that only a reader of the pages can see; the others are derived from the row.
    observed             TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(observed)),
    -- What the review list is sorted by.
    school_key  TEXT    GENERATED ALWAYS AS (coalesce(school_name, '')) VIRTUAL,
    grade_key   INTEGER GENERATED ALWAYS AS (CASE WHEN grade IS NULL THEN -1 WHEN grade = 'K' THEN 0
                                                  ELSE CAST(grade AS INTEGER) END) VIRTUAL,
    student_key TEXT    GENERATED ALWAYS AS (coalesce(student_name, '')) VIRTUAL
) STRICT;

CREATE INDEX submissions_list ON submissions (owner_user_id, school_key, grade_key, student_key, submission_id)
    WHERE deleted_at IS NULL AND is_container_parent = 0;
CREATE INDEX submissions_review ON submissions (owner_user_id, needs_review)
    WHERE deleted_at IS NULL AND is_container_parent = 0;
CREATE INDEX submissions_batch ON submissions (upload_batch_id);
CREATE INDEX submissions_job ON submissions (job_id);
CREATE INDEX submissions_digest ON submissions (digest, owner_user_id);
-- One row for each entry of an owner's document, whatever its id had to be derived from.
CREATE UNIQUE INDEX submissions_entry ON submissions (owner_user_id, base_id, is_container_parent, chunk_index);

CREATE TABLE submission_history (
    id            INTEGER PRIMARY KEY,
    submission_id TEXT NOT NULL,
    at            TEXT NOT NULL,
    by            TEXT,
    action        TEXT NOT NULL,
    field         TEXT,
    old           TEXT,
    new           TEXT,
    run           INTEGER
) STRICT;

CREATE INDEX submission_history_record ON submission_history (submission_id, id);
