/* google: what the files of this provider share; nobody else includes it.
 *
 *   google.c         the provider: one call a page, a new token and once more after a 401
 *   google_key.c     which credentials, and what is wrong with them (pure, but for reading the file)
 *   google_token.c   a service account's access token, cached, fetched by one thread at a time
 *   google_call.c    the request, and what an answer that is no page means (pure)
 *   google_page.c    an answer's words in our page (pure)
 */
#ifndef SHEAF_OCR_SVC_PROVIDERS_GOOGLE_H
#define SHEAF_OCR_SVC_PROVIDERS_GOOGLE_H

#include <jansson.h>
#include "lib/buf.h"
#include "lib/provider.h"
#include "ocr-svc/ocr.h"

#define GOOGLE_TITLE "Google Vision"
/* A request's JSON is at most 10 MB (docs.cloud.google.com/vision/quotas). */
#define GOOGLE_REQUEST_MAX 10000000

/* ---- credentials ----------------------------------------------------------------------------------- */

struct google_key {
    char *api_key; /* set: no service account is used */
    char *email, *key_id, *private_key, *token_uri;
};

/* API key, else the three variables in their order: base64, path, JSON.  ERR_CONFIG names the variable and what is
 * wrong with it, a value that a shell cut at its first line break in particular. */
int google_key_load(const struct settings *settings, struct google_key *key, struct err *err);
/* The JSON of a service account; `name`: where it came from, for the text. */
int google_key_parse(const char *json, const char *name, struct google_key *key, struct err *err);
void google_key_done(struct google_key *key);

/* The body of the token request: a grant with a signed JWT (RFC 7523), valid for an hour from now_s on. */
int google_grant_build(const struct google_key *key, int64_t now_s, struct buf *body, struct err *err);
/* A judge: user is struct google_grant. */
struct google_grant {
    char *token; /* the caller's */
    int64_t lives_s;
};
int google_grant_judge(const struct httpc_answer *answer, void *user, struct err *err);

typedef struct google_token google_token_t;
/* `provider` and `key` outlive it. */
google_token_t *google_token_new(provider_t *provider, const struct google_key *key);
void google_token_destroy(google_token_t **t);
/* "Authorization: Bearer …" appended to *header.  Fetches when there is none, or when it soon ends; then one thread asks, and
 * the others go on with the old one, or wait when there is none. */
int google_token_header(google_token_t *t, int64_t deadline_ms, struct buf *header, struct err *err);
/* The one in `header` was not accepted: it is fetched anew, unless that has happened already. */
void google_token_refused(google_token_t *t, const char *header);

/* ---- a call ---------------------------------------------------------------------------------------- */

void google_url(const struct settings *settings, struct buf *url);
/* How many bytes of JSON a picture of `bytes` makes. */
size_t google_request_size(size_t bytes);
void google_request_build(const void *picture, size_t bytes, struct buf *body);
/* A judge: user is a json_t **, the one image's response (the caller's). Both shapes of error, of the call and of the image. */
int google_judge(const struct httpc_answer *answer, void *user, struct err *err);

/* ---- an answer ------------------------------------------------------------------------------------- */

/* Appends the words of one image's response, upright, as ocr_provider.recognise does. `width`, `height`: pixels as sent. */
int google_page_read(const json_t *response, int width, int height, struct page *page, struct err *err);

#endif
