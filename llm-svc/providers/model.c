/* groq, openai: rules first, and a language model for what they miss or doubt.
 *
 * The model is asked when a required field is missing or doubtful (SHEAF_LLM_WHEN=always: whenever one of its fields is), and once it is, for
 * all fields that are.  Its values count only with evidence on the paper (ground.h).  An answer that cannot be used leaves what the
 * rules found, and the entry says so (EXTRACTION_FALLBACK_USED). */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"
#include "lib/clock.h"
#include "lib/metrics.h"
#include "lib/provider.h"
#include "llm-svc/chat.h"
#include "llm-svc/ground.h"
#include "llm-svc/pages.h"
#include "lib/vocabulary.h"

#define CALL_MS    60000
#define MAX_TOKENS 2000 /* eight fields take 400; the rest is for thinking, which counts as answer */
#define TRIES_MAX  6
#define SHORTEST   200 /* bytes of page text: less says nothing */
#define TWO_AGREE  0.95 /* the most that two readers make sure of */
#define DISPUTED   0.6  /* two readers differ: a person decides */

static struct metric tokens = METRIC_COUNTER1("sheaf_llm_tokens_total", "tokens by direction", "direction");
static struct metric claims =
    METRIC_COUNTER1("sheaf_llm_claims_total", "values that a model gave, by what became of them", "outcome");

struct model {
    const struct settings *settings;
    const form_t *form;
    void *rules;
    vocabulary_t *vocabulary;
    provider_t *provider;
    const struct chat_server *server;
    const char *key_name, *name; /* of the model that is asked */
    char *url, *models_url, *authorization; /* authorization NULL: no key */
    _Atomic int format;                     /* steps down when the server does not take one */
};

static void model_close(void *state)
{
    struct model *m = state;
    if (!m) return;
    provider_destroy(&m->provider);
    vocabulary_destroy(&m->vocabulary);
    if (m->rules) llm_rules.close(m->rules);
    free(m->url);
    free(m->models_url);
    free(m->authorization);
    free(m);
}

/* ---- opening ---------------------------------------------------------------------------------------- */

struct account {
    const char *name, *title, *key, *key_name, *base_url, *server;
};

static char *join(const char *base, const char *path)
{
    struct buf url = BUF_INIT;
    size_t len = strlen(base);
    while (len > 0 && base[len - 1] == '/') len--;
    buf_add(&url, base, len);
    buf_puts(&url, path);
    return buf_take(&url, NULL);
}

static int open_account(struct model *m, const struct account *a, struct err *err)
{
    const struct settings *s = m->settings;
    struct provider_options options = {.name = a->name,
                                       .title = a->title,
                                       .types = "extract",
                                       .calls = (int)s->provider_calls,
                                       .calls_rate = {s->llm_calls, s->llm_calls / 60 + 1},
                                       .units_rate = {s->llm_tokens, s->llm_tokens}};
    m->url = join(a->base_url, "/chat/completions");
    m->models_url = join(a->base_url, "/models");
    if (!m->url || !m->models_url) return err_set(err, ERR_NOMEM, "%s", a->title);
    if (a->key) {
        struct buf header = BUF_INIT;
        buf_printf(&header, "Authorization: Bearer %s", a->key);
        m->authorization = buf_take(&header, NULL);
        if (!m->authorization) return err_set(err, ERR_NOMEM, "%s", a->title);
    }
    m->key_name = a->key_name;
    m->server = chat_server_find(a->server, a->base_url);
    m->name = s->llm_model ? s->llm_model : m->server->model;
    m->format = chat_format_best(m->server, m->name);
    m->provider = provider_new(s, &options, err);
    return m->provider ? 0 : -1;
}

static int model_open(const struct settings *settings, const form_t *form, const struct account *account, void **state,
                      struct err *err)
{
    struct model *m = calloc(1, sizeof *m);
    if (!m) return err_set(err, ERR_NOMEM, "%s", account->title);
    m->settings = settings;
    m->form = form;
    int rc = llm_rules.open(settings, form, &m->rules, err);
    if (rc == 0 && !(m->vocabulary = vocabulary_new(form, err))) rc = -1;
    if (rc == 0) rc = open_account(m, account, err);
    if (rc == -1)
        model_close(m);
    else
        *state = m;
    return rc;
}

static int groq_open(const struct settings *s, const form_t *form, void **state, struct err *err)
{
    if (!s->groq_api_key) return err_set(err, ERR_CONFIG, "SHEAF_LLM=groq needs GROQ_API_KEY");
    return model_open(s, form, &(struct account){"groq", "Groq", s->groq_api_key, "GROQ_API_KEY", s->groq_base_url, "groq"}, state,
                      err);
}

static int openai_open(const struct settings *s, const form_t *form, void **state, struct err *err)
{
    const char *base = s->openai_base_url ? s->openai_base_url : "https://api.openai.com/v1";
    if (!s->openai_api_key && !s->openai_base_url)
        return err_set(err, ERR_CONFIG, "SHEAF_LLM=openai needs OPENAI_API_KEY, or OPENAI_BASE_URL of a server without keys");
    return model_open(
        s, form,
        &(struct account){"openai", "The language model's server", s->openai_api_key, "OPENAI_API_KEY", base, s->llm_server}, state,
        err);
}

/* ---- what is asked ---------------------------------------------------------------------------------- */

static struct value *value_of(const struct entry *entry, const struct form_field *field)
{
    for (int i = 0; i < entry->n_values; i++)
        if (entry->values[i].field == field) return &entry->values[i];
    return NULL;
}

/* Marks the fields that are missing or doubtful; whether the model is to be asked at all. */
static bool choose_fields(const struct model *m, const struct entry *entry, bool *wanted)
{
    bool required = false, any = false;
    for (int i = 0; i < m->form->n_fields; i++) {
        const struct form_field *field = &m->form->fields[i];
        const struct value *value = value_of(entry, field);
        wanted[i] = field->rule != FORM_ESSAY && (!value || value->confidence < m->settings->review_below);
        any = any || wanted[i];
        required = required || (wanted[i] && field->required);
    }
    if (entry->observed & (OBSERVED_BLANK_SUBMISSION | OBSERVED_TEMPLATE_ONLY)) return false; /* there is nothing to find */
    return strcmp(m->settings->llm_when, "always") == 0 ? any : required;
}

static int call(struct model *m, const struct chat_ask *ask, int64_t deadline_ms, struct chat_verdict *verdict, struct err *err)
{
    AUTO(buf_done) struct buf body = BUF_INIT;
    struct httpc_answer answer = {0};
    int64_t most_ms = clock_ms() + CALL_MS;
    if (chat_ask_build(ask, &body, err) == -1) return -1;
    struct provider_request request = {
        .http = {.method = "POST",
                 .url = m->url,
                 .headers = (const char *const[]){"Content-Type: application/json", m->authorization, NULL},
                 .body = body.data,
                 .body_len = body.len,
                 .deadline_ms = deadline_ms < most_ms ? deadline_ms : most_ms,
                 .max_answer_bytes = 4u << 20},
        .judge = chat_judge,
        .user = verdict,
        .units = chat_tokens(body.len) + ask->max_tokens};
    int rc = provider_call(m->provider, &request, &answer, err);
    httpc_answer_done(&answer);
    return rc;
}

static void count_usage(const struct model *m, const struct chat_verdict *v, struct llm_usage *usage)
{
    const struct settings *s = m->settings;
    usage->calls++;
    usage->tokens_in += v->tokens_in;
    usage->tokens_out += v->tokens_out;
    usage->cost += ((double)v->tokens_in * s->llm_price_in + (double)v->tokens_out * s->llm_price_out) / 1e6;
    usage->model = m->name;
    metric_add(&tokens, "in", v->tokens_in);
    metric_add(&tokens, "out", v->tokens_out);
}

/* Changes the question as the verdict proposes; false: it has been tried, or there is nothing to change. */
static bool change_question(struct model *m, struct chat_ask *ask, enum chat_next next)
{
    switch (next) {
    case CHAT_AGAIN:
        return ++ask->seed <= 2;
    case CHAT_SIMPLER:
        if (ask->format >= CHAT_PLAIN) return false;
        ask->format++;
        if (m->format < (int)ask->format) m->format = ask->format; /* known now, for all entries to come */
        return true;
    case CHAT_SHORTER:
        ask->text_max /= 2;
        return ask->text_max >= SHORTEST;
    case CHAT_LONGER:
        ask->max_tokens *= 2;
        return ask->max_tokens <= 2 * MAX_TOKENS;
    case CHAT_GIVE_UP:
        break;
    }
    return false;
}

static size_t text_size(const struct page *pages, int n_pages)
{
    size_t n = 0;
    for (int i = 0; i < n_pages; i++) n += strlen(pages[i].text);
    return n;
}

static int ask_model(struct model *m, const bool *wanted, const struct page *pages, int n_pages, int64_t deadline_ms,
                     struct llm_usage *usage, json_t **fields, struct err *err)
{
    struct chat_ask ask = {.server = m->server,
                           .model = m->name,
                           .format = (enum chat_format)m->format,
                           .seed = 1,
                           .max_tokens = MAX_TOKENS,
                           .text_max = chat_text_max(m->settings->llm_context, MAX_TOKENS),
                           .form = m->form,
                           .wanted = wanted,
                           .pages = pages,
                           .n_pages = n_pages};
    size_t size = text_size(pages, n_pages);
    if (ask.text_max > size) ask.text_max = size; /* half of it is half of what was sent */
    struct err why = {0};
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        struct chat_verdict v = {.title = provider_title(m->provider), .key_name = m->key_name, .model = m->name};
        why = (struct err){0};
        int rc = call(m, &ask, deadline_ms, &v, &why);
        if (v.tokens_in || v.tokens_out || rc == 0) count_usage(m, &v, usage);
        if (rc == 0) {
            *fields = v.fields;
            return 0;
        }
        if (!change_question(m, &ask, v.next)) break;
    }
    if (err) *err = why;
    return -1;
}

/* ---- what is taken ---------------------------------------------------------------------------------- */

static const char *text_of(const json_t *json, char *room, size_t size)
{
    if (json_is_string(json)) return json_string_value(json);
    if (!json_is_integer(json)) return NULL;
    (void)snprintf(room, size, "%lld", (long long)json_integer_value(json));
    return room;
}

/* {"value":…,"quote":…,"page":…}, or where no schema held it to that, the bare value. */
static bool read_claim(const json_t *json, struct claim *claim, char *room, size_t size)
{
    const json_t *value = json_is_object(json) ? json_object_get(json, "value") : json;
    claim->value = text_of(value, room, size);
    claim->quote = json_string_value(json_object_get(json, "quote"));
    claim->page = (int)json_integer_value(json_object_get(json, "page"));
    return claim->value && *claim->value;
}

/* Two readings of one field: agreement makes sure, difference goes before a person. The new one is taken or freed. */
static void settle(struct value *old, struct value *found)
{
    if (strcmp(old->text, found->text) == 0) {
        double sure = (1 + old->confidence) / 2;
        if (sure > TWO_AGREE) sure = TWO_AGREE;
        if (sure > old->confidence) old->confidence = sure;
        metric_add(&claims, "agreed", 1);
    } else {
        if (found->confidence > old->confidence) {
            struct value swap = *old;
            *old = *found;
            *found = swap;
        }
        if (old->confidence > DISPUTED) old->confidence = DISPUTED;
        metric_add(&claims, "disputed", 1);
    }
    value_done(found);
}

/* Puts the value where the form's order wants it. */
static int insert(const struct model *m, struct entry *entry, struct value *found, struct err *err)
{
    struct value *grown = realloc(entry->values, ((size_t)m->form->n_fields + 1) * sizeof *grown);
    if (!grown) return err_set(err, ERR_NOMEM, "entry");
    entry->values = grown;
    int at = entry->n_values++;
    for (; at > 0 && entry->values[at - 1].field > found->field; at--) entry->values[at] = entry->values[at - 1];
    entry->values[at] = *found;
    memset(found, 0, sizeof *found);
    metric_add(&claims, "taken", 1);
    return 0;
}

static int take_claims(const struct model *m, const bool *wanted, const struct face *faces, int n_faces, const json_t *fields,
                       struct entry *entry, struct err *err)
{
    char room[24];
    for (int i = 0; i < m->form->n_fields; i++) {
        struct claim claim = {.field = &m->form->fields[i]};
        AUTO(value_done) struct value found = {0};
        if (!wanted[i] || !read_claim(json_object_get(fields, claim.field->name), &claim, room, sizeof room)) continue;
        int rc = ground_claim(m->form, faces, n_faces, &claim, &found, err);
        if (rc == -1) return -1;
        if (rc == 0) {
            metric_add(&claims, "ungrounded", 1);
            continue;
        }
        struct value *old = value_of(entry, claim.field);
        if (old)
            settle(old, &found);
        else if (insert(m, entry, &found, err) == -1)
            return -1;
    }
    return 0;
}

struct face_list {
    struct face *list;
    int n;
};

static void face_list_done(struct face_list *faces)
{
    for (int i = 0; i < faces->n; i++) face_done(&faces->list[i]);
    free(faces->list);
}

static int take_answer(const struct model *m, const bool *wanted, const struct page *pages, int n_pages, const json_t *fields,
                       struct entry *entry, struct err *err)
{
    AUTO(face_list_done) struct face_list faces = {.list = calloc((size_t)n_pages + 1, sizeof *faces.list)};
    if (!faces.list) return err_set(err, ERR_NOMEM, "entry");
    for (int i = 0; i < n_pages; i++) {
        if (face_read(m->vocabulary, &pages[i], &faces.list[i], err)) return -1;
        faces.n++;
    }
    return take_claims(m, wanted, faces.list, faces.n, fields, entry, err);
}

static int model_extract(void *state, const struct page *pages, int n_pages, const struct schools *schools, int64_t deadline_ms,
                         struct entry *entry, struct err *err)
{
    struct model *m = state;
    struct err why = {0};
    json_t *fields = NULL;
    AUTO_FREE bool *wanted = calloc((size_t)m->form->n_fields + 1, sizeof *wanted);
    if (!wanted) return err_set(err, ERR_NOMEM, "entry");
    if (llm_rules.extract(m->rules, pages, n_pages, schools, deadline_ms, entry, err)) return -1;
    if (!choose_fields(m, entry, wanted)) return 0;
    if (ask_model(m, wanted, pages, n_pages, deadline_ms, &entry->usage, &fields, &why) == 0) {
        int rc = take_answer(m, wanted, pages, n_pages, fields, entry, err);
        json_decref(fields);
        return rc;
    }
    if (why.kind == ERR_INPUT || why.kind == ERR_LIMIT) {
        entry->observed |= OBSERVED_EXTRACTION_FALLBACK_USED;
        return 0;
    }
    if (err) *err = why;
    return -1;
}

static int model_fall_back(void *state, const struct page *pages, int n_pages, const struct schools *schools, struct entry *entry,
                           struct err *err)
{
    struct model *m = state;
    if (llm_rules.extract(m->rules, pages, n_pages, schools, INT64_MAX, entry, err)) return -1;
    entry->observed |= OBSERVED_EXTRACTION_FALLBACK_USED;
    return 0;
}

static int model_split(void *state, const struct page *pages, int n_pages, int64_t deadline_ms, struct split *split,
                       struct err *err)
{
    struct model *m = state;
    return llm_rules.split(m->rules, pages, n_pages, deadline_ms, split, err);
}

/* A round is five entries' calls, or after a pause one's.  Were each entry to use up attempts of its own at one a pause, a hundred would wait for
 * hours. */
static bool model_gone(void *state)
{
    struct model *m = state;
    return provider_rounds_failed(m->provider) >= m->settings->max_attempts;
}

/* Nobody waits for a model that is gone: the entries come, and those whose turn it is still ask it. */
static int64_t model_paused_until_ms(void *state)
{
    struct model *m = state;
    return model_gone(state) ? 0 : provider_paused_until_ms(m->provider);
}

/* ---- the probe -------------------------------------------------------------------------------------- */

/* The list of models costs nothing, and says whether ours is in it. */
static bool lists_model(const struct httpc_answer *answer, const char *model)
{
    json_t *json = json_loadb(answer->body.data, answer->body.len, 0, NULL), *row;
    size_t i;
    bool found = false;
    json_array_foreach(json_object_get(json, "data"), i, row)
    {
        const char *id = json_string_value(json_object_get(row, "id"));
        found = found || (id && strcmp(id, model) == 0);
    }
    json_decref(json);
    return found;
}

static int model_judge_list(const struct httpc_answer *answer, void *user, struct err *err)
{
    return answer->status == 200 ? 0 : chat_judge(answer, user, err);
}

static int model_probe(void *state, char *text, size_t room, struct err *err)
{
    struct model *m = state;
    const char *title = provider_title(m->provider), *model = m->name;
    struct chat_verdict v = {.title = title, .key_name = m->key_name, .model = model};
    struct httpc_answer answer = {0};
    struct provider_request request = {.http = {.method = "GET",
                                                .url = m->models_url,
                                                .headers = (const char *const[]){m->authorization, NULL},
                                                .deadline_ms = clock_ms() + 10000,
                                                .max_answer_bytes = 4u << 20},
                                       .judge = model_judge_list,
                                       .user = &v};
    if (provider_call(m->provider, &request, &answer, err) == -1) return -1;
    bool listed = lists_model(&answer, model);
    httpc_answer_done(&answer);
    if (!listed) return err_set(err, ERR_CONFIG, "%s does not offer the model %.60s. Set SHEAF_LLM_MODEL.", title, model);
    (void)snprintf(text, room, "%s answers and offers %.60s", title, model);
    return 0;
}

const struct llm_provider llm_groq = {
    .name = "groq",
    .open = groq_open,
    .split = model_split,
    .extract = model_extract,
    .gone = model_gone,
    .fall_back = model_fall_back,
    .close = model_close,
    .paused_until_ms = model_paused_until_ms,
    .probe = model_probe,
};

const struct llm_provider llm_openai = {
    .name = "openai",
    .open = openai_open,
    .split = model_split,
    .extract = model_extract,
    .gone = model_gone,
    .fall_back = model_fall_back,
    .close = model_close,
    .paused_until_ms = model_paused_until_ms,
    .probe = model_probe,
};
