/* SHA1() itself is not deprecated, its step-wise kin is; those do not load OpenSSL's configuration and providers, which
 * would cost every service 2 MB of memory before its first TLS connection (measured, OpenSSL 3.0.17). */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "lib/redis_inner.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#define HEADS 4 /* EVALSHA sha1 1 key, or FCALL function 1 key */

void redis_script_init(struct redis_script *s)
{
    unsigned char digest[SHA_DIGEST_LENGTH];
    SHA_CTX sha;

    (void)SHA1_Init(&sha); /* these three cannot fail on memory */
    (void)SHA1_Update(&sha, s->source, strlen(s->source));
    (void)SHA1_Final(digest, &sha);
    for (unsigned i = 0; i < SHA_DIGEST_LENGTH; i++) snprintf(s->sha1 + 2 * i, 3, "%02x", digest[i]);
    snprintf(s->function, sizeof s->function, "sheaf_%s_%s", s->name, s->sha1);
}

void redis_script_words(const struct redis_script *s, bool as_function, struct redis_arg words[2])
{
    words[0] = as_function ? (struct redis_arg){"FCALL", 5} : (struct redis_arg){"EVALSHA", 7};
    words[1] = as_function ? (struct redis_arg){s->function, strlen(s->function)} : (struct redis_arg){s->sha1, 40};
}

static void fill_head(struct redis_arg head[HEADS], const redis_t *r, const struct redis_script *s, const char *key)
{
    redis_script_words(s, redis_as_function(r, s), head);
    head[2] = (struct redis_arg){"1", 1};
    head[3] = (struct redis_arg){key, strlen(key)};
}

int redis_send_script(redis_t *r, const struct redis_script *s, const char *key, int argc,
                      const char *const *argv, const size_t *argvlen, redis_handler *handler, void *user)
{
    struct redis_arg head[HEADS];

    if (!redis_connected(r)) {
        if (handler) handler(user, NULL);
        return -1;
    }
    fill_head(head, r, s, key);
    return redis_queue(r, s, HEADS, head, argc, argv, argvlen, handler, user);
}

int redis_call_script(redis_t *r, int64_t deadline_ms, const struct redis_script *s, const char *key,
                      int argc, const char *const *argv, const size_t *argvlen, redis_reply_t **reply,
                      struct err *err)
{
    redis_reply_t *got = NULL;
    struct redis_wait w = {.r = r, .replies = &got, .n = 1};

    if (redis_connect(r, deadline_ms, err) == -1) return -1;
    redis_send_script(r, s, key, argc, argv, argvlen, redis_wait_handler, &w);
    if (redis_wait_replies(&w, deadline_ms, err) == -1) return -1;
    if (redis_is_error(got, NULL)) {
        redis_reply_err(got, err);
        redis_reply_free(got);
        return -1;
    }
    *reply = got;
    return 0;
}
