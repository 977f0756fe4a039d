/* supabase_records: records in a Supabase project, by PostgREST and the functions of migrations/postgres. */
#define _GNU_SOURCE /* a lock that prefers writers */
#include <stdlib.h>
#include "lib/buf.h"
#include "lib/clock.h"
#include "persist-svc/providers/providers.h"
#include "persist-svc/providers/rpc.h"
#include "persist-svc/providers/supabase.h"

#define ANSWER_MAX (64 * 1024 * 1024) /* 500 records with their essays */

struct supabase_store {
    struct rpc rpc; /* first: rpc.h */
    struct supabase link;
};

static int read_answer(const struct httpc_answer *answer, json_t **result, struct err *err)
{
    json_t *value = answer->body.len == 0 ? json_null() : json_loadb(answer->body.data, answer->body.len, JSON_DECODE_ANY, NULL);
    if (!value) return err_set(err, ERR_UNAVAILABLE, SUPABASE_RECORDS " gave an answer that cannot be read");
    *result = value;
    return 0;
}

/* With the service's key the project does not guard rows; each function's owner condition does. */
static int supabase_call(struct rpc *rpc, const char *owner, const char *function, const json_t *p, json_t **result, struct err *err)
{
    (void)owner;
    struct supabase_store *s = (struct supabase_store *)rpc;
    struct buf url = BUF_INIT, body = BUF_INIT;
    char *text = json_dumps(p, JSON_COMPACT);
    buf_printf(&url, "%s/rest/v1/rpc/%s", s->link.base, function);
    buf_printf(&body, "{\"p\":%s}", text ? text : "");
    int rc = -1;
    if (text && !url.bad && !body.bad) {
        const char *const headers[] = {s->link.apikey, s->link.bearer, "Content-Type: application/json", "Accept: application/json", NULL};
        const struct provider_request request = {
            .http = {.method = "POST", .url = url.data, .headers = headers, .body = body.data, .body_len = body.len,
                     .deadline_ms = clock_ms() + RPC_MS, .max_answer_bytes = ANSWER_MAX},
            .judge = supabase_judge_records,
        };
        struct httpc_answer answer = {0};
        rc = provider_call(s->link.provider, &request, &answer, err);
        if (rc == 0) {
            rc = read_answer(&answer, result, err);
            httpc_answer_done(&answer);
        }
    } else {
        err_set(err, ERR_NOMEM, "out of memory");
    }
    free(text);
    buf_done(&url);
    buf_done(&body);
    return rc;
}

#define TIMEOUTS_MOST 2 /* a statement that the project breaks off for its length is tried once more, not as often as other trouble */

static int save_record(void *state, const struct record_save *save, struct record_saved *saved, struct err *err)
{
    struct err why = {0};
    if (rpc_save(state, save, saved, &why) == 0) return 0;
    bool said = why.kind == ERR_TIMEOUT && why.sys; /* by an answer; without one our own time was up */
    if (said && save->token.attempt >= TIMEOUTS_MOST) return err_code(err, ERR_LIMIT, "timeout", "%.190s", why.text);
    if (err) *err = why;
    return -1;
}

static void close_store(void **state)
{
    struct supabase_store *s = *state;
    if (!s) return;
    supabase_close(&s->link);
    free(s);
    *state = NULL;
}

static int open_store(void **state, const struct store_options *options, struct err *err)
{
    struct supabase_store *s = calloc(1, sizeof *s);
    if (!s) return err_set(err, ERR_NOMEM, "out of memory");
    s->rpc = (struct rpc){.rules = {options->form, options->settings->review_below}, .turns = RPC_TURNS, .call = supabase_call};
    *state = s;
    if (supabase_open(&s->link, options->settings, "supabase-db", SUPABASE_RECORDS, "save", err) == 0) return 0;
    close_store(state);
    return -1;
}

static int64_t paused_until_ms(void *state)
{
    return provider_paused_until_ms(((struct supabase_store *)state)->link.provider);
}

const struct record_store record_store_supabase = {
    .name = "supabase",
    .open = open_store,
    .close = close_store,
    .paused_until_ms = paused_until_ms,
    .save = save_record,
    RPC_RECORDS,
};
