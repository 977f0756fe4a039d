/* chat: a question to a language model and what became of it, for every server that speaks OpenAI's chat
 * completions.  Pure: providers/model.c does the calling.
 *
 *   chat_server.c   how the servers differ: one table
 *   chat_ask.c      the request: the schema of the answer from the form file, the pages as data
 *   chat_answer.c   the answer, and each refusal with its class
 */
#ifndef SHEAF_LLM_SVC_CHAT_H
#define SHEAF_LLM_SVC_CHAT_H

#include "lib/buf.h"
#include "lib/httpc.h"
#include "llm-svc/llm.h"

/* How the shape of an answer is asked for, from the surest down. */
enum chat_format {
    CHAT_STRICT, /* json_schema, strict: the decoder can produce nothing else */
    CHAT_SCHEMA, /* json_schema, best effort */
    CHAT_OBJECT, /* json_object: some JSON */
    CHAT_PLAIN   /* only the prompt says so */
};

struct chat_server {
    const char *name;        /* as in SHEAF_LLM_SERVER */
    const char *at;          /* what its address contains, for "auto"; NULL: nothing tells */
    const char *model;       /* asked when SHEAF_LLM_MODEL names none */
    const char *limit_field; /* "max_tokens" or "max_completion_tokens": no server likes both, Ollama ignores the newer */
    enum chat_format best;
    const char *strict_models; /* CHAT_STRICT only for a model whose name contains this; NULL: for all */
    bool temperature;          /* takes temperature 0; OpenAI's reasoning models refuse any */
    bool seed;
    const char *effort_models; /* takes reasoning_effort "low" for a model whose name contains this, whose thinking counts as answer; NULL: for none */
};

/* By name, or for "auto" by address; never NULL. */
const struct chat_server *chat_server_find(const char *name, const char *base_url);
enum chat_format chat_format_best(const struct chat_server *server, const char *model);

struct chat_ask {
    const struct chat_server *server;
    const char *model;
    enum chat_format format;
    int seed, max_tokens;
    size_t text_max;    /* bytes of page text that are sent at most */
    const form_t *form;
    const bool *wanted; /* by position in the form's fields */
    const struct page *pages;
    int n_pages;
};

/* The JSON to be sent. ERR_NOMEM. */
int chat_ask_build(const struct chat_ask *ask, struct buf *body, struct err *err);
/* Tokens that a body makes, by and large: English has 4 bytes to a token, names and JSON fewer. */
int64_t chat_tokens(size_t bytes);
/* Bytes of page text that fit beside everything else into a context of so many tokens. */
size_t chat_text_max(int64_t context_tokens, int max_tokens);

/* What may be done about an answer that cannot be used. */
enum chat_next {
    CHAT_GIVE_UP,
    CHAT_AGAIN,   /* the same once more, with another seed */
    CHAT_SIMPLER, /* this server does not take the format */
    CHAT_SHORTER, /* it was too much */
    CHAT_LONGER   /* the answer was cut: more room for it */
};

/* What a judge fills; its `user`. */
struct chat_verdict {
    const char *title, *key_name, *model; /* in: for the texts */
    json_t *fields;                       /* out: name -> {"value","quote","page"}; the caller's */
    int64_t tokens_in, tokens_out;        /* out: also of an answer that could not be used */
    enum chat_next next;                  /* out, with -1 */
};

/* A provider_judge; see lib/provider.h for the kinds. */
int chat_judge(const struct httpc_answer *answer, void *verdict, struct err *err);

#endif
