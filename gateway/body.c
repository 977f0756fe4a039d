#include "gateway/body.h"

bool body_give(struct request *rq, const struct body_taker *taker, void *user, const char *piece, size_t len)
{
    if (taker->data(user, rq, piece, len) == -1) return true;
    if (rq->body_read != rq->body_len) return false;
    rq->body_ended = true;
    taker->end(user, rq, true);
    return true;
}

void body_take_here(struct request *rq, const struct body_taker *taker, void *user, char piece[BODY_PIECE])
{
    int n;
    while ((n = http_read(rq, piece, BODY_PIECE)) > 0)
        if (body_give(rq, taker, user, piece, (size_t)n)) return;
    taker->end(user, rq, n == 0);
}
