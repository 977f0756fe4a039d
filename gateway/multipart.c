/* The delimiter is CR LF "--" boundary.  CR stands only at its beginning (a boundary cannot hold one), so
 * when a match breaks off, what was matched is data and the search goes on with the byte that broke it: no
 * table of fall-backs.
 *
 *   PREAMBLE --delimiter--> TAIL --CR LF--> HEAD --empty line--> BODY --delimiter--> TAIL … --"--"-->
 * EPILOGUE
 */
#define _GNU_SOURCE /* memmem, memrchr */
#include "gateway/multipart.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/multipart_head.h"

enum state { PREAMBLE, TAIL, HEAD, BODY, EPILOGUE, BROKEN };

struct multipart {
    struct multipart_sink sink;
    enum state state;
    char delimiter[4 + MULTIPART_BOUNDARY_MAX + 1];
    size_t delimiter_len, matched;
    size_t lent; /* of what is matched: bytes that never came, and so are no data when the match breaks off */
    char tail[2]; /* what came behind a delimiter: "\r\n" or "--" */
    size_t tail_len;
    char head[MULTIPART_HEAD_MAX];
    size_t head_len;
    int parts, max_parts;
};

/* Where a delimiter may come without the CR LF before it, it is as if that had been seen already. */
static void lend_line_end(struct multipart *m)
{
    m->matched = m->lent = 2;
}

multipart_t *multipart_new(const char *content_type, int max_parts, const struct multipart_sink *sink,
                           struct err *err)
{
    char boundary[MULTIPART_BOUNDARY_MAX + 1];
    if (multipart_boundary(content_type, boundary, err) == -1) return NULL;
    multipart_t *m = calloc(1, sizeof *m);
    if (!m) {
        err_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    m->sink = *sink;
    m->max_parts = max_parts;
    memcpy(m->delimiter, "\r\n--", 4);
    strcpy(m->delimiter + 4, boundary);
    m->delimiter_len = strlen(m->delimiter);
    lend_line_end(m); /* the first delimiter may stand at the very beginning */
    return m;
}

void multipart_destroy(multipart_t **m)
{
    free(*m);
    *m = NULL;
}

bool multipart_done(const multipart_t *m)
{
    return m->state == EPILOGUE;
}

static int broken(struct multipart *m, struct err *err, const char *text)
{
    m->state = BROKEN;
    return err_code(err, ERR_INPUT, "bad_multipart", "%s", text);
}

static int give(struct multipart *m, const char *data, size_t len)
{
    if (len == 0 || m->state != BODY) return 0; /* a preamble is nobody's */
    if (m->sink.data(m->sink.user, data, len) == 0) return 0;
    m->state = BROKEN;
    return -1;
}

/* A match that was begun in an earlier piece goes on, is complete, or breaks off; then what was matched is data. */
static int64_t go_on(struct multipart *m, const char *data, size_t len)
{
    size_t at = 0;
    while (at < len && data[at] == m->delimiter[m->matched]) {
        at++;
        if (++m->matched == m->delimiter_len) return (int64_t)at;
    }
    if (at == len) return (int64_t)at;
    if (give(m, m->delimiter + m->lent, m->matched - m->lent) == -1) return -1;
    m->matched = m->lent = 0;
    return (int64_t)at;
}

/* How many of the last bytes may be the beginning of a delimiter: only from the last CR on. */
static size_t begun_at_end(const struct multipart *m, const char *data, size_t len)
{
    const size_t look = len < m->delimiter_len - 1 ? len : m->delimiter_len - 1;
    const char *cr = memrchr(data + len - look, '\r', look);
    const size_t tail = cr ? (size_t)(data + len - cr) : 0;
    return tail && memcmp(cr, m->delimiter, tail) == 0 ? tail : 0;
}

/* In PREAMBLE and BODY: passes data on until a delimiter is complete, in pieces as large as they came: a document's
 * bytes hold a CR every few hundred, and each call of the sink may be a write.  Answers how many bytes it took, -1
 * when broken. */
static int64_t scan(struct multipart *m, const char *data, size_t len)
{
    size_t at = 0;
    if (m->matched) {
        const int64_t taken = go_on(m, data, len);
        if (taken == -1 || m->matched || (size_t)taken == len) return taken;
        at = (size_t)taken;
    }
    const char *found = memmem(data + at, len - at, m->delimiter, m->delimiter_len);
    const size_t stop = found ? (size_t)(found - data) : len - begun_at_end(m, data + at, len - at);
    if (give(m, data + at, stop - at) == -1) return -1;
    m->matched = found ? m->delimiter_len : len - stop;
    return (int64_t)(found ? stop + m->delimiter_len : len);
}

static int delimiter_complete(struct multipart *m)
{
    const bool was_body = m->state == BODY;
    m->state = TAIL;
    m->tail_len = m->matched = m->lent = 0;
    if (!was_body || m->sink.end(m->sink.user) == 0) return 0;
    m->state = BROKEN;
    return -1;
}

/* Behind a delimiter: blanks (RFC 2046 allows them), then CR LF for another part or "--" for the end. */
static int tail(struct multipart *m, char c, struct err *err)
{
    if (m->tail_len == 0 && (c == ' ' || c == '\t')) return 0;
    m->tail[m->tail_len++] = c;
    if (m->tail_len < 2) return 0;
    if (memcmp(m->tail, "--", 2) == 0) {
        m->state = EPILOGUE;
        return 0;
    }
    if (memcmp(m->tail, "\r\n", 2) != 0) return broken(m, err, "A part's delimiter is malformed.");
    if (m->parts++ == m->max_parts) {
        m->state = BROKEN;
        return err_code(err, ERR_LIMIT, "too_many_files", "There are more than %d parts in one request.",
                        m->max_parts);
    }
    m->state = HEAD;
    m->head_len = 0;
    return 0;
}

static int head_complete(struct multipart *m, struct err *err)
{
    struct multipart_names names;
    if (multipart_head(m->head, m->head_len, &names) == -1)
        return broken(m, err, "A part does not say which field it is.");
    const struct multipart_part part = {names.name, names.has_filename ? names.filename : NULL};
    if (m->sink.begin(m->sink.user, &part) == -1) {
        m->state = BROKEN;
        return -1;
    }
    m->state = BODY;
    lend_line_end(m); /* some clients let the delimiter of an empty body share the CR LF that ends the head */
    return 0;
}

static int head(struct multipart *m, char c, struct err *err)
{
    if (m->head_len == sizeof m->head) return broken(m, err, "A part's header is too long.");
    m->head[m->head_len++] = c;
    const char *end = m->head + m->head_len;
    const bool lines_end = m->head_len >= 4 && memcmp(end - 4, "\r\n\r\n", 4) == 0;
    const bool none = m->head_len == 2 && memcmp(m->head, "\r\n", 2) == 0;
    return lines_end || none ? head_complete(m, err) : 0;
}

int multipart_feed(multipart_t *m, const void *data, size_t len, struct err *err)
{
    const char *at = data, *end = at + len;
    while (at < end) {
        int rc = 0;
        switch (m->state) {
        case PREAMBLE:
        case BODY: {
            int64_t taken = scan(m, at, (size_t)(end - at));
            if (taken == -1) return -1;
            at += taken;
            if (m->matched == m->delimiter_len) rc = delimiter_complete(m); /* sets matched back */
            break;
        }
        case TAIL:
            rc = tail(m, *at++, err);
            break;
        case HEAD:
            rc = head(m, *at++, err);
            break;
        case EPILOGUE:
            return 0;
        case BROKEN:
            return broken(m, err, "The request was malformed before.");
        }
        if (rc == -1) return -1;
    }
    return 0;
}
