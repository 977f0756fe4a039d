/* llm-svc: stages `split` and `extract`.  Started as the service, or to read page files for a person
 * (read.h). */
#include <string.h>
#include "lib/log.h"
#include "lib/stage.h"
#include "lib/svc.h"
#include "llm-svc/llm.h"
#include "llm-svc/read.h"
#include "llm-svc/stage.h"

/* Both stages are quick when no model is asked: a few threads, and little in hand. */
#define THREADS       2
#define MODEL_THREADS 8
#define ROOM      4
#define NULL_ROOM 64

static int64_t paused_until_ms(void *shared)
{
    const struct llm_shared *s = shared;
    return s->provider->paused_until_ms ? s->provider->paused_until_ms(s->state) : 0;
}

static int work(struct svc *svc, struct llm_shared *shared, struct err *err)
{
    const struct settings *s = svc_settings(svc);
    /* Whoever calls a network waits more than it computes. */
    int usual = shared->provider->paused_until_ms ? MODEL_THREADS : THREADS;
    int threads = s->threads != SETTING_UNSET ? (int)s->threads : usual;
    int room = s->room != SETTING_UNSET ? (int)s->room : shared->provider->blind ? NULL_ROOM : ROOM;
    if (room < threads) room = threads;
    const struct stage_type types[] = {
        {.name = "split", .threads = threads, .room = room, .work = llm_split},
        {.name = "extract", .threads = threads, .room = room, .work = llm_extract, .paused_until_ms = paused_until_ms,
         .via = shared->provider->name},
    };
    const struct stage_service service = {.types = types, .n_types = 2, .thread_open = llm_thread_open};
    log_info("provider", F_STR("llm", shared->provider->name), F_STR("form", shared->form->name),
             F_INT("threads", threads), F_INT("room", room));
    if (!shared->provider->blind && !(shared->batch = batch_schools_open(s, 2 * threads, err))) return -1;
    int rc = stage_run(svc, &service, shared, err);
    batch_schools_close(&shared->batch);
    return rc;
}

static int run(struct svc *svc, struct err *err)
{
    const struct settings *s = svc_settings(svc);
    const struct llm_provider *provider = llm_provider_find(settings_llm(s));
    if (!provider) return err_set(err, ERR_CONFIG, "SHEAF_LLM: there is no provider \"%s\"", s->llm);
    form_t *form = form_load(s->form_file, err);
    if (!form) return -1;
    struct llm_shared shared = {.provider = provider, .form = form};
    int rc = provider->open(s, form, &shared.state, err);
    if (!rc) {
        rc = work(svc, &shared, err);
        provider->close(shared.state);
    }
    form_destroy(&form);
    return rc;
}

static void probe(const struct settings *settings)
{
    const struct llm_provider *provider = llm_provider_find(settings_llm(settings));
    struct err err = {0};
    form_t *form = form_load(settings->form_file, &err);
    void *state = NULL;
    char text[160];
    int rc = form ? provider->open(settings, form, &state, &err) : -1;
    if (rc == 0 && provider->probe) rc = provider->probe(state, text, sizeof text, &err);
    if (rc == -1)
        svc_probe_say("extraction", err.text, "mend the key, the address or the model, then look again");
    else if (provider->probe)
        svc_probe_say("extraction", text, NULL);
    if (state) provider->close(state);
    form_destroy(&form);
}

static const struct service llm_service = {
    .name = "llm-svc",
    .about =
        "Decides which pages are one student's entry, and turns an entry's words into fields with evidence.",
    .who = W_LLM,
    .run = run,
    .probe = probe,
};

int main(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], READ_ARG) == 0) return read_main(argc, argv);
    return svc_main(&llm_service, argc, argv);
}
