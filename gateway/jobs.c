/* jobs: a job as a page, and what a person can do with it. */
#include <string.h>
#include "gateway/answers.h"
#include "gateway/ask.h"
#include "gateway/routes.h"
#include "gateway/status.h"
#include "gateway/web.h"
#include "proto/stages.h"

/* The page asks for the job itself; here it is only whether there is one. */
void jobs_page(struct request *rq)
{
    const char *id = rq->arg[0];
    struct err err = {0};
    if (!rq->wants_page) {
        status_of_job(rq);
        return;
    }
    json_t *found = json_array();
    if (id_valid(id) && status_read_lines(rq->gateway, &rq->caller, &id, 1, found, &err) == -1)
        http_fail(rq, &err);
    else if (json_array_size(found) == 0)
        http_error(rq, 404, "not_found", "There is no such job. It may be older than jobs are kept.");
    else
        web_job_page(rq);
    json_decref(found);
}

/* Each of these scripts answers ok │ unknown │ state. */
static void act(struct request *rq, const struct redis_script *script, const char *from,
                const char *state_text)
{
    const char *id = rq->arg[0], *argv[] = {id, rq->caller.owner, from};
    struct err err = {0};
    redis_reply_t *reply = NULL;
    if (!id_valid(id)) {
        http_not_found(rq);
        return;
    }
    if (ask_script(rq->gateway, script, id_shard(id), from ? 3 : 2, argv, &reply, &err) == -1)
        http_fail(rq, &err);
    else if (strcmp(redis_str(reply), "ok") == 0) {
        answers_forget(rq->gateway->answers, id); /* its event may come a moment after our answer */
        http_json(rq, 202, json_pack("{s:b,s:s}", "success", 1, "job_id", id), NULL);
    } else if (strcmp(redis_str(reply), "state") == 0)
        http_error(rq, 409, "conflict", "%s", state_text);
    else
        http_not_found(rq);
    redis_reply_free(reply);
}

void jobs_retry(struct request *rq)
{
    act(rq, &script_rerun, "", "Only a job that failed or was cancelled can be tried again.");
}

void jobs_cancel(struct request *rq)
{
    act(rq, &script_cancel, NULL, "The job has ended already.");
}

void jobs_rerun(struct request *rq)
{
    char from[32];
    const int stage = http_query(rq, "from", from, sizeof from) == 1 && strcmp(from, "notify") != 0 ? stage_find(from) : -1;
    if (stage == -1)
        http_error(rq, 400, "bad_request",
                   "from names the stage to begin with: store, inspect, page, split, extract or save.");
    else
        act(rq, &script_rerun, stage_names[stage].name,
            "Only a job that has ended, and once came to that stage, can be run again.");
}
