#include "gateway/newest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/ask.h"
#include "gateway/http.h"
#include "lib/auto.h"
#include "lib/clock.h"

int newest_cursor(const char *text, int64_t *at_ms, int *given)
{
    char ms[24];
    long long at, n;
    const size_t len = strcspn(text, "-");
    if (len == 0 || len >= sizeof ms || text[len] != '-') return -1;
    memcpy(ms, text, len);
    ms[len] = '\0';
    if (text_number(ms, INT64_MAX / 2, &at) == -1 || text_number(text + len + 1, 1000000, &n) == -1) return -1;
    *at_ms = at;
    *given = (int)n;
    return 0;
}

static int newer(const void *a, const void *b)
{
    const struct newest *x = a, *y = b;
    if (x->at_ms != y->at_ms) return x->at_ms < y->at_ms ? 1 : -1;
    return -strcmp(x->member, y->member);
}

static int read_shard(struct gateway *g, const char *set, unsigned shard, const char *from, const char *to,
                      const char *count, struct newest *out, int *n, struct err *err)
{
    char prefix[SHARD_KEY_MAX], key[ASK_KEY_MAX];
    const char *argv[] = {"ZREVRANGEBYSCORE", key, from, to, "WITHSCORES", "LIMIT", "0", count};
    const struct redis_command command = {COUNT_OF(argv), argv, NULL};
    redis_reply_t *reply = NULL;
    snprintf(key, sizeof key, "%s%s", shard_key(prefix, shard), set);
    if (ask_redis(g, &command, 1, &reply, err) == -1) return -1;
    for (size_t i = 0; i + 1 < redis_len(reply); i += 2, ++*n) {
        out[*n].shard = shard;
        out[*n].at_ms = strtoll(redis_str(redis_at(reply, i + 1)), NULL, 10);
        snprintf(out[*n].member, sizeof out[*n].member, "%s", redis_str(redis_at(reply, i)));
    }
    redis_reply_free(reply);
    return 0;
}

int newest_page(struct gateway *g, const char *set, int64_t since_ms, const char *cursor, int limit,
                struct newest *out, int *n, char next[NEWEST_CURSOR_MAX], struct err *err)
{
    int64_t until_ms = 0;
    int given = 0, found = 0, shards = (int)g->settings->shards;
    char from[24] = "+inf", to[24], count[16];
    *n = 0;
    if (cursor && *cursor) {
        if (newest_cursor(cursor, &until_ms, &given) == -1)
            return err_code(err, ERR_INPUT, "bad_request", "This cursor was not given by this list.");
        snprintf(from, sizeof from, "%lld", (long long)until_ms);
    }
    *next = '\0'; /* only now: it may be the cursor's own place */
    const int wanted = limit + given + 1;
    AUTO_FREE struct newest *all = calloc((size_t)wanted * (size_t)shards, sizeof *all);
    if (!all) return err_set(err, ERR_NOMEM, "out of memory");
    snprintf(to, sizeof to, "%lld", (long long)since_ms);
    snprintf(count, sizeof count, "%d", wanted);
    for (int s = 0; s < shards; s++)
        if (read_shard(g, set, (unsigned)s, from, to, count, all, &found, err) == -1) return -1;
    qsort(all, (size_t)found, sizeof *all, newer);
    int at = 0;
    while (at < found && at < given && all[at].at_ms == until_ms) at++;
    while (at < found && *n < limit) out[(*n)++] = all[at++];
    if (at == found || *n == 0) return 0;
    const int64_t last_ms = out[*n - 1].at_ms;
    int same = 0;
    for (int i = 0; i < at; i++) same += all[i].at_ms == last_ms;
    snprintf(next, NEWEST_CURSOR_MAX, "%lld-%d", (long long)last_ms, same);
    return 0;
}

int newest_wish(struct request *rq, int otherwise, struct newest_wish *wish)
{
    char limit[16], since[64];
    long long n = otherwise;
    *wish = (struct newest_wish){0};
    const int has_limit = http_query(rq, "limit", limit, sizeof limit);
    const int has_since = http_query(rq, "since", since, sizeof since);
    const int has_cursor = http_query(rq, "cursor", wish->cursor, sizeof wish->cursor);
    if (has_limit == -1 || (has_limit == 1 && (text_number(limit, 1000000, &n) == -1 || n < 1))) {
        http_error(rq, 400, "bad_request", "limit is a number from 1 to %d.", NEWEST_MAX);
        return -1;
    }
    if (has_since == -1 || (has_since == 1 && clock_parse_rfc3339(since, &wish->since_ms) == -1)) {
        http_error(rq, 400, "bad_request", "since is a time like 2026-11-24T03:44:00Z.");
        return -1;
    }
    if (has_cursor == -1) {
        http_error(rq, 400, "bad_request", "This cursor was not given by this list.");
        return -1;
    }
    wish->limit = n > NEWEST_MAX ? NEWEST_MAX : (int)n;
    return 0;
}
