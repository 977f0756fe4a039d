#include "lib/redis_inner.h"

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "lib/clock.h"

/* Connections are made when they are first needed and lent last in, first out: what is warm stays warm,
 * and a pool that is larger than its use costs nothing. */
struct redis_pool {
    pthread_mutex_t lock;
    pthread_cond_t returned;
    struct redis_options options; /* texts owned */
    struct ssl_ctx_st *context;
    int size, made, n_free;
    redis_t *free[];
};

static char *copy_text(const char *text)
{
    return text ? strdup(text) : NULL;
}

redis_pool_t *redis_pool_new(const struct redis_options *options, int size, struct err *err)
{
    redis_pool_t *p = NULL;
    struct redis_url url = {0};

    if (size < 1) size = 1;
    if (redis_url_parse(options->url, &url, err) == -1) return NULL;
    p = calloc(1, sizeof *p + (size_t)size * sizeof p->free[0]);
    if (!p) {
        redis_url_done(&url);
        err_set(err, ERR_NOMEM, "pool of Redis connections");
        return NULL;
    }
    pthread_mutex_init(&p->lock, NULL);
    clock_cond_init(&p->returned);
    p->size = size;
    p->options = *options;
    p->options.url = copy_text(options->url);
    p->options.ca_file = copy_text(options->ca_file);
    p->options.name = copy_text(options->name);
    /* One set of trusted certificates for all: the system's takes a megabyte. */
    if (!url.tls || (p->context = redis_tls_context(options->ca_file, err))) {
        if (p->options.url) goto out;
        err_set(err, ERR_NOMEM, "pool of Redis connections");
    }
    redis_pool_destroy(&p);
out:
    redis_url_done(&url);
    return p;
}

/* Waits until a connection is free or may be made. The lock is held. */
static int wait_for_place(redis_pool_t *p, int64_t deadline_ms)
{
    while (p->n_free == 0 && p->made == p->size) {
        if (clock_cond_wait(&p->returned, &p->lock, deadline_ms) == -1) return -1;
    }
    return 0;
}

redis_t *redis_pool_take(redis_pool_t *p, int64_t deadline_ms, struct err *err)
{
    redis_t *r = NULL;

    pthread_mutex_lock(&p->lock);
    if (wait_for_place(p, deadline_ms) == -1) {
        pthread_mutex_unlock(&p->lock);
        err_set(err, ERR_UNAVAILABLE, "all %d connections to Redis are in use", p->size);
        return NULL;
    }
    if (p->n_free > 0)
        r = p->free[--p->n_free];
    else
        p->made++;
    pthread_mutex_unlock(&p->lock);
    if (r) return r;
    r = redis_new_with(&p->options, p->context, err);
    if (!r) {
        pthread_mutex_lock(&p->lock);
        p->made--;
        pthread_cond_signal(&p->returned);
        pthread_mutex_unlock(&p->lock);
    }
    return r;
}

void redis_pool_put(redis_pool_t *p, redis_t **r)
{
    if (!*r) return;
    if (redis_waiting(*r) > 0)
        redis_cut(*r, &(struct err){.kind = ERR_CANCELLED, .text = "replies were given up"});
    pthread_mutex_lock(&p->lock);
    p->free[p->n_free++] = *r;
    pthread_cond_signal(&p->returned);
    pthread_mutex_unlock(&p->lock);
    *r = NULL;
}

void redis_pool_destroy(redis_pool_t **pp)
{
    redis_pool_t *p = *pp;

    if (!p) return;
    *pp = NULL;
    while (p->n_free > 0) redis_destroy(&p->free[--p->n_free]);
    free((char *)p->options.url);
    free((char *)p->options.ca_file);
    free((char *)p->options.name);
    SSL_CTX_free(p->context);
    pthread_cond_destroy(&p->returned);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
