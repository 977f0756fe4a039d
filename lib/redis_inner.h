/* redis_inner: what the redis*.c files share.  Nobody else includes it (tests of these files do).
 *
 *     redis_url      the address, parsed                 pure
 *     redis_resolve  host name to addresses              a thread for the time of one look-up
 *     redis_tls      a TLS session over memory           pure bytes in, bytes out
 *     redis_net      one non-blocking socket, TLS or not
 *     redis_out      formatted commands, kept until they are answered
 *     redis_reply    reply objects for hiredis' parser
 *     redis_ring     commands that wait for their answers
 *     redis_answers  what arrives, and to whom it goes
 *     redis.c        the connection: all of these, from the first look-up to the break
 *     redis_sync, redis_pool, redis_script   built on redis.c
 */
#ifndef SHEAF_LIB_REDIS_INNER_H
#define SHEAF_LIB_REDIS_INNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "lib/err.h"
#include "lib/redis.h"

/* --- address --- */

struct redis_url {
    char *unix_path; /* NULL unless unix:// */
    char *host;      /* a name or an address; IPv6 without its brackets */
    char *user;      /* NULL: none was given */
    char *password;  /* NULL: no AUTH */
    int port;
    int db;
    bool tls;
};

/* ERR_CONFIG with what is wrong; never quotes the URL, because it may hold a password. */
int redis_url_parse(const char *text, struct redis_url *url, struct err *err);
void redis_url_done(struct redis_url *url);

/* --- name look-up --- */

struct addrinfo;
typedef struct redis_lookup redis_lookup_t;

/* getaddrinfo(3) blocks for as long as the name servers like, so it runs in a thread of its own. */
redis_lookup_t *redis_lookup_start(const char *host, int port, struct err *err);
int redis_lookup_fd(const redis_lookup_t *l); /* readable when the look-up has ended */
/* Ends the look-up, if its fd was readable: the list is the caller's (freeaddrinfo). */
int redis_lookup_finish(redis_lookup_t **l, struct addrinfo **list, struct err *err);
void redis_lookup_abandon(redis_lookup_t **l); /* its thread cleans up when it is through */

/* --- TLS --- */

struct ssl_ctx_st;
typedef struct redis_tls redis_tls_t;

/* Certificates to trust, shared by connections (reference-counted by OpenSSL). ERR_CONFIG. */
struct ssl_ctx_st *redis_tls_context(const char *ca_file, struct err *err);
redis_tls_t *redis_tls_new(struct ssl_ctx_st *context, const char *host, struct err *err);
void redis_tls_destroy(redis_tls_t **t);
int redis_tls_handshake(redis_tls_t *t, bool *done, struct err *err);
int redis_tls_feed(redis_tls_t *t, const void *cipher, size_t len, struct err *err); /* bytes of the socket */
ssize_t redis_tls_read(redis_tls_t *t, void *plain, size_t len, struct err *err);    /* 0: nothing now */
ssize_t redis_tls_write(redis_tls_t *t, const void *plain, size_t len,
                        struct err *err);                     /* takes all or fails */
size_t redis_tls_output(redis_tls_t *t, const char **cipher); /* bytes for the socket */
void redis_tls_sent(redis_tls_t *t, size_t len);              /* so many of them are gone */
bool redis_tls_buffered(const redis_tls_t *t);                /* redis_tls_read() may have something */

/* --- socket --- */

struct redis_net {
    enum { NET_CLOSED, NET_RESOLVING, NET_CONNECTING, NET_HANDSHAKING, NET_OPEN } state;
    int fd;
    redis_lookup_t *lookup;
    struct addrinfo *list, *at; /* all addresses, the one being tried */
    redis_tls_t *tls;
    const struct redis_url *url;
    struct ssl_ctx_st *context;
    int64_t deadline_ms;         /* of the whole attempt */
    int64_t address_deadline_ms; /* of this address */
};

void redis_net_init(struct redis_net *n, const struct redis_url *url, struct ssl_ctx_st *context);
void redis_net_close(struct redis_net *n);
/* Starts; then redis_net_step() goes on whenever the socket is ready or a deadline has passed, until the
 * state is NET_OPEN.  On -1 the net is closed. */
int redis_net_start(struct redis_net *n, int64_t deadline_ms, struct err *err);
int redis_net_step(struct redis_net *n, int64_t now_ms, struct err *err);
int redis_net_fd(const struct redis_net *n);
short redis_net_events(const struct redis_net *n, bool want_write);
int64_t redis_net_next_ms(const struct redis_net *n);
ssize_t redis_net_read(struct redis_net *n, void *data, size_t len,
                       struct err *err); /* 0: nothing now; -1: broken, closed */
ssize_t redis_net_write(struct redis_net *n, const void *data, size_t len,
                        struct err *err); /* bytes taken; -1: broken */
/* Sends what TLS took by redis_net_write() but the socket did not yet. */
int redis_net_flush(struct redis_net *n, struct err *err);
bool redis_net_buffered(const struct redis_net *n); /* a read would find bytes although the socket is quiet */

/* --- commands --- */

/* The commands as they go over the wire.  They are kept until their reply came, so that a script call
 * answered NOSCRIPT can be sent again without every caller keeping a copy.  Positions count the bytes of a
 * connection from 0. */
struct redis_out {
    char *data;
    size_t cap, end; /* bytes of data, of these used */
    size_t sent;     /* of these given to the socket */
    size_t released; /* of these answered */
    uint64_t base;   /* position of data[0] */
};

struct redis_arg {
    const char *data;
    size_t len;
};

uint64_t redis_out_position(const struct redis_out *o); /* where the next command will begin */
/* One command of head and argv together; argvlen NULL: argv are texts. -1: no memory, nothing was added. */
int redis_out_command(struct redis_out *o, int heads, const struct redis_arg *head, int argc,
                      const char *const *argv, const size_t *argvlen);
int redis_out_again(struct redis_out *o, uint64_t from, uint64_t to); /* appends a copy of kept bytes */
/* The same of one command, with its first two words replaced. */
int redis_out_instead(struct redis_out *o, uint64_t from, uint64_t to, const struct redis_arg first[2]);
size_t redis_out_unsent(const struct redis_out *o, const char **data);
void redis_out_sent(struct redis_out *o, size_t len);
bool redis_out_was_sent(const struct redis_out *o, uint64_t to);
void redis_out_release(struct redis_out *o, uint64_t to); /* everything before `to` was answered */
void redis_out_clear(struct redis_out *o);                /* for a new connection; frees */

/* --- replies --- */

#define REDIS_REPLY_MAX (64u << 20)

struct redisReader;
/* A parser whose objects are redis_reply_t.  It answers with an error when the objects of one reply take
 * more than *budget bytes; the caller sets *budget anew for each reply. */
struct redisReader *redis_reader_new(size_t *budget);
/* 1 with the next reply, 0 when more bytes are needed, -1 when this is not Redis' protocol or too much. */
int redis_reader_next(struct redisReader *reader, redis_reply_t **reply, struct err *err);
int redis_reader_feed(struct redisReader *reader, const char *data, size_t len, struct err *err);
void redis_reader_destroy(struct redisReader **reader);

/* --- connection --- */

redis_t *redis_new_with(const struct redis_options *options, struct ssl_ctx_st *shared, struct err *err);
struct ssl_ctx_st *redis_context(const redis_t *r);
/* What redis_send() does, with some arguments in front and, for a script's call, the script to load when it is not known.  The call's first two
 * words are those of redis_script_words(). */
int redis_queue(redis_t *r, const struct redis_script *script, int heads, const struct redis_arg *head,
                int argc, const char *const *argv, const size_t *argvlen, redis_handler *handler, void *user);
bool redis_as_function(const redis_t *r, const struct redis_script *s); /* it would be called by FCALL now */
void redis_script_words(const struct redis_script *s, bool as_function, struct redis_arg words[2]);
/* Inside a handler: makes its reply the caller's, who frees it. */
redis_reply_t *redis_keep_reply(redis_t *r);
/* Ends the connection for a reason; handlers get NULL, reconnecting begins. Not inside a handler. */
void redis_cut(redis_t *r, const struct err *why);
const struct err *redis_why(const redis_t *r); /* redis_error() with its kind */

/* --- waiting --- */

/* Replies of n commands being waited for; lives on the stack of the one who waits. */
struct redis_wait {
    redis_t *r;
    redis_reply_t **replies;
    int n, got;
    bool broken;
};
void redis_wait_handler(void *wait, const redis_reply_t *reply);
int redis_wait_replies(struct redis_wait *w, int64_t deadline_ms, struct err *err);

#endif
