#include "lib/httpc_pool.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/clock.h"

struct httpc_pool {
    pthread_mutex_t lock;
    pthread_cond_t returned;
    int most, made, n_free;
    httpc_t *free[];
};

httpc_pool_t *httpc_pool_new(int most, struct err *err)
{
    if (most < 1) most = 1;
    httpc_pool_t *p = calloc(1, sizeof *p + (size_t)most * sizeof p->free[0]);
    if (!p) {
        err_set(err, ERR_NOMEM, "HTTP clients");
        return NULL;
    }
    pthread_mutex_init(&p->lock, NULL);
    clock_cond_init(&p->returned);
    p->most = most;
    return p;
}

void httpc_pool_destroy(httpc_pool_t **pp)
{
    httpc_pool_t *p = *pp;
    if (!p) return;
    *pp = NULL;
    while (p->n_free > 0) httpc_destroy(&p->free[--p->n_free]);
    pthread_cond_destroy(&p->returned);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

/* Waits until a client is free or may be made. The lock is held. */
static int wait_for_place(httpc_pool_t *p, int64_t deadline_ms)
{
    while (p->n_free == 0 && p->made == p->most) {
        if (clock_cond_wait(&p->returned, &p->lock, deadline_ms) == -1) return -1;
    }
    return 0;
}

httpc_t *httpc_pool_take(httpc_pool_t *p, int64_t deadline_ms, struct err *err)
{
    httpc_t *c = NULL;
    pthread_mutex_lock(&p->lock);
    if (wait_for_place(p, deadline_ms) == -1) {
        pthread_mutex_unlock(&p->lock);
        err_set(err, ERR_TIMEOUT, "all %d calls that may be made at once were busy", p->most);
        return NULL;
    }
    if (p->n_free > 0)
        c = p->free[--p->n_free];
    else
        p->made++;
    pthread_mutex_unlock(&p->lock);
    if (c || (c = httpc_new(err))) return c;
    pthread_mutex_lock(&p->lock);
    p->made--;
    pthread_cond_signal(&p->returned);
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

void httpc_pool_put(httpc_pool_t *p, httpc_t **client)
{
    if (!*client) return;
    pthread_mutex_lock(&p->lock);
    p->free[p->n_free++] = *client;
    pthread_cond_signal(&p->returned);
    pthread_mutex_unlock(&p->lock);
    *client = NULL;
}
