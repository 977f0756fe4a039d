/* redis: one connection to Redis, pipelined. The only code that includes hiredis.
 *
 * Two ways to use it:
 *
 * - From a loop (dispatcher, gateway's event listener).  The connection is a small state machine on
 *   a non-blocking socket: add redis_fd()/redis_events() to the poll set, call redis_process() when
 *   it is ready and when redis_next_ms() has passed.  Commands are queued with redis_send(); each
 *   gets exactly one call of its handler, in order: with the reply, or with reply == NULL when the
 *   connection broke before it came (the command may or may not have run).
 * - From a thread that may wait: redis_call() sends one command and waits for the answer;
 *   redis_pool lends such connections to the gateway's threads.
 *
 * Reconnect: after a break everything unanswered is answered with NULL, then the connection comes
 * back by itself with backoff (50 ms doubling to 2 s, ± 20 % jitter). `generation` counts completed
 * connects, so that a caller can see that it talks to a new connection (and must, for example, read
 * its pending list again).  After connect: AUTH, SELECT (when db is not 0), CLIENT SETNAME.
 * rediss:// is TLS by OpenSSL over our own socket (hiredis 0.14 has none): SNI, host name and chain are checked.
 *
 * One thread owns a redis_t.  No reply above 64 MiB is taken: the connection is closed instead.
 */
#ifndef SHEAF_REDIS_H
#define SHEAF_REDIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/err.h"

enum redis_type { REDIS_NIL, REDIS_STRING, REDIS_STATUS, REDIS_ERROR, REDIS_INTEGER, REDIS_ARRAY };

/* A reply, valid until its handler returns (or until redis_reply_free for redis_call).  An accessor
 * given the wrong type answers 0, "" or NULL: what a server says is input, not an invariant. */
typedef struct redis_reply redis_reply_t;
enum redis_type redis_type(const redis_reply_t *r);
int64_t redis_int(const redis_reply_t *r);                /* INTEGER, or a STRING of digits */
const char *redis_str(const redis_reply_t *r);            /* STRING, STATUS, ERROR: NUL-terminated; "" otherwise */
size_t redis_len(const redis_reply_t *r);                 /* bytes of a text, elements of an ARRAY */
const redis_reply_t *redis_at(const redis_reply_t *r, size_t i); /* element, NULL beyond the end */
bool redis_is_error(const redis_reply_t *r, const char *prefix); /* ERROR that begins with prefix ("NOSCRIPT"); NULL: any */
void redis_reply_free(redis_reply_t *r);                  /* replies of redis_call() only */
/* What an ERROR reply means, as redis_call() below says it: fills *err and returns -1. */
int redis_reply_err(const redis_reply_t *r, struct err *err);

typedef struct redis redis_t;
typedef void redis_handler(void *user, const redis_reply_t *reply); /* reply NULL: the connection broke */

struct redis_options {
    const char *url;         /* redis:// rediss:// unix:// */
    const char *ca_file;     /* NULL: the system's */
    const char *name;        /* CLIENT SETNAME: shown by CLIENT LIST */
    int64_t connect_ms;      /* 0: 3000 */
    int64_t reply_ms;        /* a connection that owes replies and is silent for this long is cut; 0: 5000 */
};

/* Parses the URL (ERR_CONFIG with the reason; the password never appears in it) and starts
 * connecting; it does not wait. */
redis_t *redis_new(const struct redis_options *options, struct err *err);
void redis_destroy(redis_t **r); /* handlers that still wait are called with NULL */

/* --- loop side --- */
int redis_fd(const redis_t *r);               /* -1 while there is none (backoff) */
short redis_events(const redis_t *r);         /* POLLIN, POLLOUT */
int64_t redis_next_ms(const redis_t *r);      /* moment (clock_ms) redis_process() must run at the latest; INT64_MAX: none */
void redis_process(redis_t *r, short revents);/* connects, reads, calls handlers, writes; never blocks */
bool redis_connected(const redis_t *r);
uint64_t redis_generation(const redis_t *r);  /* completed connects so far */
const char *redis_error(const redis_t *r);    /* why the last break or connect attempt failed; "" */
size_t redis_waiting(const redis_t *r);       /* commands without a reply yet */

/* Queues a command; it goes out with the next redis_process() or redis_flush().  While not connected (or
 * with 256 MiB unanswered, or no memory) the handler is called at once with NULL and -1 is returned.
 * argv is copied; argvlen NULL: argv are texts.  handler may be NULL; it may send, but must neither destroy
 * the connection nor call redis_process() or the waiting side on it. */
int redis_send(redis_t *r, int argc, const char *const *argv, const size_t *argvlen, redis_handler *handler, void *user);
void redis_flush(redis_t *r); /* writes what is queued as far as the socket takes it */

/* Subscribes: afterwards `handler` gets every message as the ARRAY ["message", channel, payload], again
 * after each reconnect, and NULL at each break.  Such a connection takes no other command.  Called right
 * after redis_new(), the connection counts as connected only when the server confirmed the subscription:
 * what is read (elsewhere) after that misses nothing. */
void redis_subscribe(redis_t *r, const char *channel, redis_handler *handler, void *user);

/* --- waiting side --- */
/* Sends one command and waits (connecting first if need be) until `deadline_ms`.  0 with *reply (of any
 * type but ERROR), or -1: ERR_UNAVAILABLE, ERR_TIMEOUT; an ERROR reply is ERR_UNAVAILABLE for
 * LOADING, OOM, READONLY, BUSY, MASTERDOWN, TRYAGAIN, CLUSTERDOWN, MISCONF, NOREPLICAS (code "redis_full" for
 * OOM), ERR_CONFIG for NOAUTH, WRONGPASS, NOPERM, MOVED and its kin, ERR_BUG otherwise.  A server that refuses
 * us (password, certificate) is ERR_CONFIG at once; one that is away is waited for until the deadline. */
int redis_call(redis_t *r, int64_t deadline_ms, int argc, const char *const *argv, const size_t *argvlen,
               redis_reply_t **reply, struct err *err);
/* The same with texts, ended by NULL:  redis_do(r, deadline, &reply, err, "HGET", key, field, NULL) */
int redis_do(redis_t *r, int64_t deadline_ms, redis_reply_t **reply, struct err *err, ...) __attribute__((sentinel));
/* Many commands in one write; replies[i] may be of type ERROR here. All or nothing: on -1 none is returned. */
struct redis_command {
    int argc;
    const char *const *argv;
    const size_t *argvlen; /* NULL: texts */
};
int redis_pipeline(redis_t *r, int64_t deadline_ms, const struct redis_command *commands, int n,
                   redis_reply_t **replies, struct err *err);

/* For a thread that uses redis_send() and may wait.  -1: ERR_UNAVAILABLE (broken; the handlers had their NULL),
 * ERR_TIMEOUT, and for redis_connect() ERR_CONFIG. */
int redis_connect(redis_t *r, int64_t deadline_ms, struct err *err);                   /* until it is connected */
int redis_wait(redis_t *r, size_t at_most, int64_t deadline_ms, struct err *err);      /* until so few replies are missing */

/* Connections lent to threads. Take waits until one is free or the deadline. Any thread.  A connection that is
 * put back with replies missing is cut first (their handlers get NULL): it is lent clean. */
typedef struct redis_pool redis_pool_t;
redis_pool_t *redis_pool_new(const struct redis_options *options, int size, struct err *err);
redis_t *redis_pool_take(redis_pool_t *p, int64_t deadline_ms, struct err *err);
void redis_pool_put(redis_pool_t *p, redis_t **r);
void redis_pool_destroy(redis_pool_t **p);

/* --- scripts --- */
/* A Lua script of proto/redis/, embedded in the binary by the build, called by digest: by FCALL where it has a library and the
 * server lets us, else by EVALSHA. */
struct redis_script {
    const char *name;
    const char *source;
    const char *as_library; /* the same for FUNCTION LOAD, as a library of the one function `function`; NULL: never called so */
    char sha1[41];       /* of the source, filled by redis_script_init() */
    char function[80];   /* likewise: sheaf_<name>_<sha1>, so that versions can be served side by side */
};
void redis_script_init(struct redis_script *s);
/* A call from the loop.  That the server does not know it is answered by loading it and calling again, that it has no functions or
 * none for us by calling the script, both unseen by the handler, which then comes after the handlers of what was queued
 * behind it; calls of one script keep their order. */
int redis_send_script(redis_t *r, const struct redis_script *s, const char *key, int argc, const char *const *argv,
                      const size_t *argvlen, redis_handler *handler, void *user);
/* The same, waiting.  argv: the script's ARGV; all our scripts have KEYS[1] only, the
 * shard's tag ("sheaf:{00}:"), passed as `key`. */
int redis_call_script(redis_t *r, int64_t deadline_ms, const struct redis_script *s, const char *key, int argc,
                      const char *const *argv, const size_t *argvlen, redis_reply_t **reply, struct err *err);

#endif
