/* store_fixture: a record store on a database of its own, and saves to fill it with: SQLite in a temporary folder, or, with
 * TESTS_DATABASE_URL (tests/system/test_postgres.py), PostgreSQL, whose schema `public` is emptied before each test. */
#ifndef SHEAF_TESTS_UNIT_PERSIST_SVC_STORE_FIXTURE_H
#define SHEAF_TESTS_UNIT_PERSIST_SVC_STORE_FIXTURE_H

#include <jansson.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/clock.h"
#include "lib/digest.h"
#include "persist-svc/record.h"
#include "persist-svc/store.h"

#define OWNER "00000000-0000-4000-8000-000000000001"
#define OTHER "00000000-0000-4000-8000-000000000002"
#define BATCH "00aabbcc-0000-8000-8000-0000000000bb"

static char var_folder[] = "/tmp/sheaf-store-XXXXXX";
static struct settings settings;
static struct stores stores;

static inline const char *database_url(void)
{
    return getenv("TESTS_DATABASE_URL");
}

static inline int empty_database(void)
{
    PGconn *conn = PQconnectdb(database_url());
    PGresult *result = PQexec(conn, "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    int rc = PQresultStatus(result) == PGRES_COMMAND_OK ? 0 : -1;
    if (rc == -1) fprintf(stderr, "%s", PQerrorMessage(conn));
    PQclear(result);
    PQfinish(conn);
    return rc;
}

static inline int open_stores(void **state)
{
    (void)state;
    struct err err = {0};
    strcpy(var_folder, "/tmp/sheaf-store-XXXXXX");
    if (!mkdtemp(var_folder)) return -1;
    char setting[64], url[300], records[] = "SHEAF_RECORDS=postgres";
    snprintf(setting, sizeof setting, "SHEAF_VAR=%s", var_folder);
    char *environment[] = {setting, NULL, NULL, NULL};
    if (database_url()) {
        if (empty_database() == -1) return -1;
        snprintf(url, sizeof url, "DATABASE_URL=%s", database_url());
        environment[1] = url;
        environment[2] = records;
    }
    if (settings_load_from(&settings, environment, &err) == -1 ||
        stores_open(&stores, &settings, &err) == -1) {
        fprintf(stderr, "%s\n", err.text);
        return -1;
    }
    return 0;
}

static inline int close_stores(void **state)
{
    (void)state;
    char command[80];
    stores_close(&stores);
    settings_done(&settings);
    snprintf(command, sizeof command, "rm -rf '%s'", var_folder);
    return system(command);
}

/* What a test varies of a save: SAMPLE() with what differs, whose defaults are meant to be written over. */
#pragma GCC diagnostic ignored "-Woverride-init"
struct sample {
    const char *owner, *document, *student, *school, *grade, *essay;
    const char *hobby; /* a field without a column: its value stands in the evidence */
    unsigned index, entries, words;
    uint64_t run;
    uint32_t attempt, delivery;
    double confidence;
};
#define SAMPLE(...)                                                                                          \
    (struct sample)                                                                                          \
    {                                                                                                        \
        .owner = OWNER, .document = "a document", .student = "Ana Luz", .school = "Escuela Norte",           \
        .grade = "5", .essay = "some words", .entries = 1, .words = 120, .run = 1000, .attempt = 1,          \
        .delivery = 1, .confidence = 0.95, __VA_ARGS__                                                       \
    }

static inline void add_field(json_t *values, json_t *evidence, const char *name, const char *value,
                             double confidence)
{
    if (!value) return;
    json_object_set_new(values, name, json_string(value));
    json_object_set_new(evidence, name, json_pack("{s:f, s:i}", "confidence", confidence, "page", 1));
}

static inline struct record_saved save_sample(struct sample s)
{
    char digest[DIGEST_HEX], base[BASE_ID], token[24];
    struct record_saved saved = {.action = "failed"};
    json_t *values = json_object(), *evidence = json_object();
    digest_hex(s.document, strlen(s.document), digest);
    snprintf(base, sizeof base, "%.12s", digest);
    snprintf(token, sizeof token, "%llu", (unsigned long long)s.run);
    add_field(values, evidence, "student_name", s.student, s.confidence);
    add_field(values, evidence, "school_name", s.school, s.confidence);
    add_field(values, evidence, "grade", s.grade, s.confidence);
    add_field(values, evidence, "essay", s.essay, s.confidence);
    if (s.hobby) json_object_set_new(evidence, "hobby", json_pack("{s:s, s:f}", "value", s.hobby, "confidence", s.confidence));
    const struct record_save save = {
        .owner = s.owner,
        .base = base,
        .digest = digest,
        .job = "00aabbcc-0000-8000-8000-00000000000a",
        .batch = BATCH,
        .filename = "a.pdf",
        .object_path = "essay-submissions/x/y/original.pdf",
        .artifact_dir = "essay-submissions/x/y/artifacts/1",
        .token = {s.run, s.attempt, s.delivery},
        .index = s.index,
        .entries = s.entries,
        .page_first = 1,
        .page_last = 2,
        .doc_class = "SINGLE_SCANNED",
        .values = values,
        .evidence = evidence,
        .word_count = (int)s.words,
        .ocr_confidence = 0.9,
        .at = "2026-01-02T03:04:05.000Z",
    };
    struct err err = {0};
    if (stores.records->save(stores.record_state, &save, &saved, &err) == -1)
        fprintf(stderr, "save: %s\n", err.text);
    json_decref(values);
    json_decref(evidence);
    return saved;
}

static inline json_t *get(const char *owner, const char *id)
{
    json_t *record = NULL;
    return stores.records->get(stores.record_state, owner, id, &record, NULL) == 0 ? record : NULL;
}

/* One change of one record; the answer is err.code, "" when it was done, "none" when no record was changed.
 */
static inline const char *change_it(enum record_action action, const char *owner, const char *id,
                                    const char *if_match, json_t *fields)
{
    static struct err err;
    const char *const ids[] = {id};
    const struct record_change change = {action, owner, "pat", ids, 1, NULL, if_match, fields};
    json_t *changed = NULL;
    err = (struct err){0};
    int rc = stores.records->change(stores.record_state, &change, &changed, &err);
    size_t n = json_array_size(changed);
    json_decref(changed);
    json_decref(fields);
    return rc == -1 ? err.code : n == 0 ? "none" : "";
}

#endif
