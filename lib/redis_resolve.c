#include "lib/redis_inner.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Two owners, the connection and the thread: the last one to leave frees. */
struct redis_lookup {
    atomic_int owners;
    int fd;
    char port[8];
    char *host;
    int status; /* of getaddrinfo; written before fd becomes readable */
    struct addrinfo *list;
};

static void lookup_release(redis_lookup_t *l)
{
    if (atomic_fetch_sub(&l->owners, 1) != 1) return;
    if (l->list) freeaddrinfo(l->list);
    close(l->fd);
    free(l->host);
    free(l);
}

static void *look_up(void *arg)
{
    redis_lookup_t *l = arg;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    const uint64_t one = 1;

    l->status = getaddrinfo(l->host, l->port, &hints, &l->list);
    if (write(l->fd, &one, sizeof one) == -1) abort(); /* an eventfd takes its first 1 */
    lookup_release(l);
    return NULL;
}

/* Signals are for the main loop, not for this thread. */
static int start_detached(redis_lookup_t *l)
{
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all, old;
    int rc;

    if ((rc = pthread_attr_init(&attr)) != 0) return rc;
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = pthread_create(&thread, &attr, look_up, l);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    return rc;
}

redis_lookup_t *redis_lookup_start(const char *host, int port, struct err *err)
{
    redis_lookup_t *l = calloc(1, sizeof *l);
    int rc;

    if (!l || !(l->host = strdup(host))) {
        free(l);
        err_set(err, ERR_NOMEM, "look-up of Redis' address");
        return NULL;
    }
    snprintf(l->port, sizeof l->port, "%d", port);
    l->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->fd == -1) {
        free(l->host);
        free(l);
        err_set(err, ERR_UNAVAILABLE, "eventfd for a look-up");
        return NULL;
    }
    atomic_init(&l->owners, 2);
    rc = start_detached(l);
    if (rc != 0) {
        atomic_store(&l->owners, 1);
        lookup_release(l);
        err_sys(err, ERR_UNAVAILABLE, rc, "thread for a look-up");
        return NULL;
    }
    return l;
}

int redis_lookup_fd(const redis_lookup_t *l)
{
    return l->fd;
}

int redis_lookup_finish(redis_lookup_t **lp, struct addrinfo **list, struct err *err)
{
    redis_lookup_t *l = *lp;
    uint64_t ended = 0;
    int rc = 0;

    if (read(l->fd, &ended, sizeof ended) == -1) return err_set(err, ERR_BUG, "look-up taken before its end");
    if (l->status == 0) {
        *list = l->list;
        l->list = NULL;
    } else {
        rc = err_set(err, ERR_UNAVAILABLE, "Redis host %.80s: %s", l->host, gai_strerror(l->status));
    }
    *lp = NULL;
    lookup_release(l);
    return rc;
}

void redis_lookup_abandon(redis_lookup_t **lp)
{
    if (*lp) lookup_release(*lp);
    *lp = NULL;
}
