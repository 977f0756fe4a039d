/* api: calls to the gateway (CONTRACT section 2), by lib/httpc. One thread. */
#ifndef SHEAF_CLI_API_H
#define SHEAF_CLI_API_H

#include <jansson.h>
#include "cli/cli.h"
#include "lib/httpc.h"

typedef struct api api_t;

/* The gateway at SHEAF_URL, else the one of this machine. */
api_t *api_open(const struct cli *cli, struct err *err);
void api_close(api_t **api);

struct api_answer {
    int status;
    json_t *body;           /* any JSON value; json_null() when the answer was none */
    int64_t retry_after_ms; /* 0: the gateway said nothing of it */
};
void api_answer_done(struct api_answer *answer);
/* Is a status no answer yet: from the gateway (429, 503), or from what stands before it while it is away (502, 504). */
bool api_means_later(int status);

/* One call with an answer in JSON.  `path` begins with a slash; `request` may be NULL, or carry method (else
 * GET), headers, body or read_body and deadline_ms (else 15 s from now); its url is filled in here.
 * 0 for an answer of any status. -1: nobody answers, with a text that says what to do. */
int api_call(api_t *api, const char *path, const struct httpc_request *request, struct api_answer *answer,
             struct err *err);
/* The same, and -1 unless the status is 2xx: ERR_INPUT with the gateway's own text, code and status as
 * err->sys. */
int api_get(api_t *api, const char *path, json_t **body, struct err *err);
int api_post(api_t *api, const char *path, const json_t *request, json_t **body, struct err *err);
/* Writes the body of a GET, whatever it is, to `out`; any status but 2xx as above. */
int api_download(api_t *api, const char *path, FILE *out, struct err *err);
/* Fills *err from an answer that is not 2xx; -1. */
int api_refusal(const struct api_answer *answer, struct err *err);

/* "/api/jobs/%s" and the like with the text made safe for a URL. The caller frees; NULL: no memory. */
char *api_path(const char *before, const char *text, const char *after);

#endif
