/* registry: the one list of extraction providers. */
#include <string.h>
#include "lib/auto.h"
#include "llm-svc/llm.h"

static const struct llm_provider *const providers[] = {&llm_rules, &llm_groq, &llm_openai, &llm_null};

const struct llm_provider *llm_provider_find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(providers); i++)
        if (!strcmp(providers[i]->name, name)) return providers[i];
    return NULL;
}
