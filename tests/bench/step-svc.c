/* step-svc: a stage service like any other, whose stages do nothing: what is left is what the engine costs.
 *
 * Environment: BENCH_STEPS (which of stepa stepb stepc stepd stepfan, separated by commas; default all),
 * BENCH_FAN (tasks that stepfan opens; 40), BENCH_LATENCY (a file: each task of stepa appends the microseconds since the
 * moment that its job's name tells, one line each). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/stage.h"
#include "lib/svc.h"
#include "tests/bench/bench.h"

static int latency_fd = -1;
static int fan = 40;

static void note_latency(const struct stage_task *task)
{
    const char *name = json_string_value(json_object_get(task->body, "name"));
    if (name) bench_note_since(latency_fd, strtoll(name, NULL, 10));
}

static int step(void *thread, const struct stage_task *task, json_t **result, struct err *err)
{
    (void)thread, (void)err;
    if (latency_fd >= 0 && !strcmp(task->type, "stepa")) note_latency(task);
    *result = json_pack("{s:i}", "fan", fan); /* as small as a real stage's */
    return *result ? 0 : -1;
}

static int run(struct svc *svc, struct err *err)
{
    static const char *const names[] = {"stepa", "stepb", "stepc", "stepd", "stepfan"};
    const struct settings *s = svc_settings(svc);
    const char *wanted = getenv("BENCH_STEPS"), *file = getenv("BENCH_LATENCY"), *spread = getenv("BENCH_FAN");
    int threads = s->threads != SETTING_UNSET ? (int)s->threads : 1, room = s->room != SETTING_UNSET ? (int)s->room : 64;
    struct stage_type types[5];
    struct stage_service service = {.types = types};
    if (room < threads) room = threads;
    if (spread) fan = atoi(spread);
    if (file) latency_fd = open(file, O_WRONLY | O_CREAT | O_APPEND, 0600);
    for (int i = 0; i < 5; i++)
        if (!wanted || strstr(wanted, names[i]))
            types[service.n_types++] = (struct stage_type){.name = names[i], .threads = threads, .room = room, .work = step};
    return stage_run(svc, &service, NULL, err);
}

static const struct service step_service = {
    .name = "step-svc", .about = "Does nothing, for measuring the engine.", .who = W_LLM, .run = run};

int main(int argc, char **argv)
{
    return svc_main(&step_service, argc, argv);
}
