#define _GNU_SOURCE /* memrchr */
#include "lib/stage_names.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NAMES_MAX    16
#define THREAD_STACK (256 * 1024) /* getaddrinfo's modules are not modest */

/* One item of the list and what it stood for when it was last looked up. */
struct name {
    bool literal;
    char text[STAGE_ADDRESS]; /* as given */
    char host[STAGE_ADDRESS], port[8];
    struct stage_addresses found;
};

struct stage_names {
    struct name names[NAMES_MAX]; /* the resolver's, once it runs */
    int n_names;
    int64_t every_ms;
    int event_fd;

    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t stopped;
    struct stage_addresses all;
    bool changed, stop;
    int users; /* the loop and the resolver: the last one frees */
};

static void add_address(struct stage_addresses *all, const char *text)
{
    for (int i = 0; i < all->n; i++) {
        if (strcmp(all->text[i], text) == 0) return;
    }
    if (all->n == STAGE_ADDRESSES_MAX) return;
    snprintf(all->text[all->n++], STAGE_ADDRESS, "%s", text);
}

static bool is_number(const char *host)
{
    struct in6_addr any;
    return inet_pton(AF_INET, host, &any) == 1 || host[0] == '[';
}

static bool is_port(const char *p, const char *end)
{
    if (p == end || end - p > 5) return false;
    while (p < end && *p >= '0' && *p <= '9') p++;
    return p == end;
}

static int parse_name(struct name *name, const char *text, size_t len, struct err *err)
{
    if (len == 0 || len >= STAGE_ADDRESS)
        return err_set(err, ERR_CONFIG, "SHEAF_DISPATCHERS: an address has 1 to %d bytes", STAGE_ADDRESS - 1);
    memcpy(name->text, text, len);
    name->text[len] = '\0';
    name->literal = true;
    if (strncmp(name->text, "ipc://", 6) == 0 || strncmp(name->text, "inproc://", 9) == 0) return 0;

    const char *host = text + 6, *colon = memrchr(text, ':', len), *end = text + len;
    if (strncmp(name->text, "tcp://", 6) != 0 || !colon || colon <= host || !is_port(colon + 1, end))
        return err_set(err, ERR_CONFIG, "SHEAF_DISPATCHERS: %s is not tcp://host:port", name->text);
    memcpy(name->host, host, (size_t)(colon - host));
    memcpy(name->port, colon + 1, (size_t)(end - colon - 1));
    name->literal = is_number(name->host);
    return 0;
}

static int parse_list(struct stage_names *names, const char *list, struct err *err)
{
    while (*list) {
        size_t len = strcspn(list, ",");
        const char *item = list, *end = list + len;
        while (item < end && *item == ' ') item++;
        while (end > item && end[-1] == ' ') end--;
        if (names->n_names == NAMES_MAX)
            return err_set(err, ERR_CONFIG, "SHEAF_DISPATCHERS: more than %d addresses", NAMES_MAX);
        struct name *name = &names->names[names->n_names];
        if (parse_name(name, item, (size_t)(end - item), err) == -1) return -1;
        if (name->literal) add_address(&name->found, name->text);
        names->n_names++;
        list += len + (list[len] == ',');
    }
    return names->n_names ? 0 : err_set(err, ERR_CONFIG, "SHEAF_DISPATCHERS is empty");
}

static void look_up(struct name *name)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *list = NULL;
    struct stage_addresses found = {0};
    if (getaddrinfo(name->host, name->port, &hints, &list) != 0) return;

    /* IPv4 where there is any: a dual-stack dispatcher has both and is still one dispatcher. */
    bool v4 = false;
    for (struct addrinfo *a = list; a; a = a->ai_next) v4 = v4 || a->ai_family == AF_INET;
    for (struct addrinfo *a = list; a; a = a->ai_next) {
        char host[INET6_ADDRSTRLEN], text[STAGE_ADDRESS];
        if (a->ai_family != (v4 ? AF_INET : AF_INET6)) continue;
        if (getnameinfo(a->ai_addr, a->ai_addrlen, host, sizeof(host), NULL, 0, NI_NUMERICHOST) != 0)
            continue;
        snprintf(text, sizeof(text), v4 ? "tcp://%s:%s" : "tcp://[%s]:%s", host, name->port);
        add_address(&found, text);
    }
    freeaddrinfo(list);
    if (found.n) name->found = found;
}

/* Puts together what all names stand for; true when that is something new. The lock is held. */
static bool gather(struct stage_names *names)
{
    struct stage_addresses all = {0};
    for (int i = 0; i < names->n_names; i++) {
        const struct stage_addresses *found = &names->names[i].found;
        for (int k = 0; k < found->n; k++) add_address(&all, found->text[k]);
    }
    bool same = all.n == names->all.n;
    for (int i = 0; same && i < all.n; i++) same = strcmp(all.text[i], names->all.text[i]) == 0;
    if (same) return false;
    names->all = all;
    names->changed = true;
    return true;
}

static void leave(struct stage_names *names)
{
    bool last = --names->users == 0;
    pthread_mutex_unlock(&names->lock);
    if (!last) return;
    pthread_cond_destroy(&names->stopped);
    pthread_mutex_destroy(&names->lock);
    free(names);
}

static void pause_for(struct stage_names *names)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + names->every_ms % 1000 * 1000000;
    until.tv_sec += (time_t)(names->every_ms / 1000 + ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    int rc = 0;
    while (!names->stop && rc == 0) rc = pthread_cond_timedwait(&names->stopped, &names->lock, &until);
}

static void *resolver_main(void *arg)
{
    struct stage_names *names = arg;
    pthread_mutex_lock(&names->lock);
    while (!names->stop) {
        pthread_mutex_unlock(&names->lock);
        for (int i = 0; i < names->n_names; i++) {
            if (!names->names[i].literal) look_up(&names->names[i]);
        }
        pthread_mutex_lock(&names->lock);
        if (names->stop) break; /* and the descriptor below may be somebody else's by now */
        uint64_t one = 1;
        if (gather(names)) (void)!write(names->event_fd, &one, sizeof(one));
        pause_for(names);
    }
    leave(names);
    return NULL;
}

static int start_resolver(struct stage_names *names, struct err *err)
{
    pthread_attr_t attr;
    pthread_t thread;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, THREAD_STACK);
    /* Nobody waits for it: a look-up can hang for half a minute. */
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    names->users++;
    int sys = pthread_create(&thread, &attr, resolver_main, names);
    pthread_attr_destroy(&attr);
    if (!sys) return 0;
    names->users--;
    return err_sys(err, ERR_UNAVAILABLE, sys, "the resolver's thread");
}

stage_names_t *stage_names_start(const char *list, int64_t every_ms, int event_fd, struct err *err)
{
    stage_names_t *names = calloc(1, sizeof(*names));
    if (!names) {
        err_set(err, ERR_NOMEM, "the dispatchers' names");
        return NULL;
    }
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&names->stopped, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&names->lock, NULL);
    names->every_ms = every_ms;
    names->event_fd = event_fd;
    names->users = 1;

    bool any_name = false;
    int rc = parse_list(names, list, err);
    if (rc == 0) (void)gather(names);
    for (int i = 0; i < names->n_names; i++) any_name = any_name || !names->names[i].literal;
    if (rc == 0 && any_name) rc = start_resolver(names, err);
    if (rc == -1) stage_names_stop(&names);
    return names;
}

bool stage_names_take(stage_names_t *names, struct stage_addresses *out)
{
    pthread_mutex_lock(&names->lock);
    bool changed = names->changed;
    names->changed = false;
    if (changed) *out = names->all;
    pthread_mutex_unlock(&names->lock);
    return changed;
}

void stage_names_stop(stage_names_t **namesp)
{
    stage_names_t *names = *namesp;
    *namesp = NULL;
    if (!names) return;
    pthread_mutex_lock(&names->lock);
    names->stop = true;
    pthread_cond_signal(&names->stopped);
    leave(names);
}
