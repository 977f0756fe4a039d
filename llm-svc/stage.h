/* stage: the two task types of llm-svc, between the wire and a provider. */
#ifndef SHEAF_LLM_SVC_STAGE_H
#define SHEAF_LLM_SVC_STAGE_H

#include "lib/stage.h"
#include "llm-svc/batch_schools.h"
#include "llm-svc/llm.h"

/* What all work threads share; constant while they run. */
struct llm_shared {
    const struct llm_provider *provider;
    void *state;
    const form_t *form;
    batch_schools_t *batch; /* NULL: nobody is asked */
};

int llm_thread_open(void *shared, const struct stage_type *type, void **thread, struct err *err);
int llm_split(void *thread, const struct stage_task *task, json_t **result, struct err *err);
int llm_extract(void *thread, const struct stage_task *task, json_t **result, struct err *err);

/* -1 with the first page's code when no page of a document could be read; a document is not refused for some.
 */
int llm_refuse_unreadable(const struct page *pages, int n_pages, struct err *err);

#endif
