/* body: a large body on its way to whoever takes it, piece by piece. */
#ifndef SHEAF_GATEWAY_BODY_H
#define SHEAF_GATEWAY_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include "gateway/http.h"

#define BODY_PIECE 65536 /* bytes of a piece, at most */

/* Its functions are called one after another, not always from the same thread.  data(): -1: refused, and answered; then only destroy()
 * follows.  end() answers; whole: all came that was announced. */
struct body_taker {
    int (*data)(void *user, struct request *rq, const void *data, size_t len);
    void (*end)(void *user, struct request *rq, bool whole);
    void (*destroy)(void *user);
};

/* Gives on a piece that came.  True: that was the last one, or it was refused; the request is answered. */
bool body_give(struct request *rq, const struct body_taker *taker, void *user, const char *piece, size_t len);
/* Reads it on the caller's thread, up to the answer. */
void body_take_here(struct request *rq, const struct body_taker *taker, void *user, char piece[BODY_PIECE]);

#endif
