/* records_stats: which documents the owner has already, and how many records there are. */
#include "persist-svc/object_path.h"
#include "persist-svc/records_http.h"

#define DIGESTS_MAX 1000

static json_t *duplicate_of(const struct stores *stores, const char *owner, const char *digest,
                            struct err *err)
{
    char id[BASE_ID];
    if (stores->records->find_digest(stores->record_state, owner, digest, id, err) == -1) return NULL;
    /* An owner sees only documents of their own, so the two are the same. */
    json_t *out = json_pack("{s:s, s:b, s:b, s:s?}", "digest", digest, "is_duplicate", *id != '\0',
                            "is_own_duplicate", *id != '\0', "submission_id", *id ? id : NULL);
    if (!out) err_set(err, ERR_NOMEM, "out of memory");
    return out;
}

int records_duplicates(struct http_request *rq, struct err *err)
{
    json_t *body, *out = json_array();
    int rc = out ? http_body(rq, &body, err) : err_set(err, ERR_NOMEM, "out of memory");
    if (rc == -1) {
        json_decref(out);
        return -1;
    }
    const json_t *given = json_object_get(body, "digests");
    if (!json_is_array(given))
        rc = err_code(err, ERR_INPUT, "bad_request", "digests is a list of SHA-256 values in hex.");
    else if (json_array_size(given) > DIGESTS_MAX)
        rc = err_code(err, ERR_LIMIT, "too_large", "At most %d digests at once.", DIGESTS_MAX);
    for (size_t i = 0; rc == 0 && i < json_array_size(given); i++) {
        const char *digest = json_string_value(json_array_get(given, i));
        json_t *one = NULL;
        if (!is_hex(digest, 64))
            rc = err_code(err, ERR_INPUT, "bad_request", "digests is a list of SHA-256 values in hex.");
        else if (!(one = duplicate_of(rq->stores, rq->owner, digest, err)))
            rc = -1;
        else if (json_array_append_new(out, one) == -1)
            rc = err_set(err, ERR_NOMEM, "out of memory");
    }
    json_decref(body);
    if (rc == 0) return http_json(rq, 200, json_pack("{s:o}", "duplicates", out), err);
    json_decref(out);
    return -1;
}

int records_stats(struct http_request *rq, struct err *err)
{
    json_t *stats;
    if (rq->stores->records->stats(rq->stores->record_state, rq->owner, &stats, err) == -1) return -1;
    return http_json(rq, 200, stats, err);
}
