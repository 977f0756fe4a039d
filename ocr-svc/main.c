/* ocr-svc: stages `inspect` and `page`.  Started as the service, as its own decoding child (decode.h), as
 * LibreOffice's keeper (office.h), or to read one file for a person (read.h). */
#define _GNU_SOURCE /* sched_getaffinity */
#include <sched.h>
#include <string.h>
#include "lib/log.h"
#include "lib/stage.h"
#include "lib/svc.h"
#include "ocr-svc/decode.h"
#include "ocr-svc/ocr.h"
#include "ocr-svc/office.h"
#include "ocr-svc/read.h"
#include "ocr-svc/stage.h"

#define REMOTE_THREADS 4
#define NULL_ROOM      64 /* tasks held at once by a provider that takes no time */

/* The processors this process may use, which in a container are fewer than the machine's. */
static int processors(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

static int64_t paused_until_ms(void *shared)
{
    const struct ocr *ocr = shared;
    return ocr->provider->paused_until_ms ? ocr->provider->paused_until_ms(ocr->common) : 0;
}

static int work(struct svc *svc, struct ocr *ocr, struct err *err)
{
    const struct settings *s = svc_settings(svc);
    const struct ocr_provider *provider = ocr->provider;
    /* A provider that calls a network waits more than it computes. */
    int usual = provider->paused_until_ms ? REMOTE_THREADS : processors();
    int threads = s->threads != SETTING_UNSET ? (int)s->threads : usual;
    int room = s->room != SETTING_UNSET ? (int)s->room : provider->without_document ? NULL_ROOM : threads;
    const struct stage_type types[] = {
        {.name = "inspect", .threads = 1, .room = provider->without_document ? room : 2, .work = ocr_inspect},
        {.name = "page",
         .threads = threads,
         .room = room > threads ? room : threads,
         .work = ocr_page,
         .via = provider->name,
         .paused_until_ms = paused_until_ms},
    };
    const struct stage_service service = {
        .types = types, .n_types = 2, .thread_open = ocr_thread_open, .thread_close = ocr_thread_close};
    log_info("provider", F_STR("ocr", provider->name), F_INT("threads", threads),
             F_INT("room", types[1].room), F_STR("office", ocr->office->program));
    return stage_run(svc, &service, ocr, err);
}

static int run(struct svc *svc, struct err *err)
{
    const struct settings *s = svc_settings(svc);
    struct office office;
    struct ocr ocr;
    if (office_start(&office, s, err) != 0) return -1;
    int rc = ocr_open(s, &ocr, err);
    ocr.office = &office;
    if (rc == 0) rc = work(svc, &ocr, err);
    ocr_close(&ocr);
    return rc;
}

static void probe(const struct settings *settings)
{
    struct ocr ocr;
    struct err err = {0};
    char text[160];
    int rc = ocr_open(settings, &ocr, &err);
    if (rc == 0 && ocr.provider->probe) rc = ocr.provider->probe(ocr.common, text, sizeof text, &err);
    if (rc == -1)
        svc_probe_say("recognition", err.text, "mend the key or the address, then look again");
    else if (ocr.provider->probe)
        svc_probe_say("recognition", text, NULL);
    ocr_close(&ocr);
}

static const struct service ocr_service = {
    .name = "ocr-svc",
    .about = "Counts the pages of documents and reads them, one task a page.",
    .who = W_OCR,
    .run = run,
    .versions = ocr_versions,
    .probe = probe,
};

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], DECODE_CHILD) == 0) return decode_child_main();
    if (argc >= 2 && strcmp(argv[1], OFFICE_CHILD) == 0) return office_child_main(argc, argv);
    if (argc >= 2 && strcmp(argv[1], READ_ARG) == 0) return read_main(argc, argv);
    return svc_main(&ocr_service, argc, argv);
}
