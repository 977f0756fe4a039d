/* The model provider, asked about the same entry N times by eight threads: llm-svc_calls N. Settings from the environment. */
#include <string.h>
#include "llm-svc/llm.h"
#include "llm-svc/pages.h"
#include "tests/load/growth.h"

static const char page_json[] =
    "{\"page\":1,\"width\":612,\"height\":792,\"source\":\"text\",\"words\":["
    "{\"t\":\"School:\",\"b\":[500,500,1300,700],\"c\":1,\"l\":0,\"s\":\"t\"},{\"t\":\"Willow\",\"b\":[1400,500,2100,700],\"c\":1,\"l\":0,\"s\":\"t\"},"
    "{\"t\":\"Bend\",\"b\":[2200,500,2700,700],\"c\":1,\"l\":0,\"s\":\"t\"},{\"t\":\"School\",\"b\":[2800,500,3500,700],\"c\":1,\"l\":0,\"s\":\"t\"},"
    "{\"t\":\"Grade:\",\"b\":[500,900,1200,1100],\"c\":1,\"l\":1,\"s\":\"t\"},{\"t\":\"5\",\"b\":[1300,900,1400,1100],\"c\":1,\"l\":1,\"s\":\"t\"},"
    "{\"t\":\"Ottavia\",\"b\":[500,1300,1300,1500],\"c\":1,\"l\":2,\"s\":\"t\"},{\"t\":\"Quillfern\",\"b\":[1400,1300,2400,1500],\"c\":1,\"l\":2,\"s\":\"t\"}],"
    "\"text\":\"School: Willow Bend School\\nGrade: 5\\nOttavia Quillfern\\n\"}";

struct subject {
    const struct llm_provider *provider;
    void *state;
    struct page page;
};

static bool extract(void *user)
{
    struct subject *s = user;
    struct entry entry = {0};
    struct err err = {0};
    bool well = s->provider->extract(s->state, &s->page, 1, NULL, clock_ms() + 60000, &entry, &err) == 0 && entry.usage.calls == 1 &&
                !(entry.observed & OBSERVED_EXTRACTION_FALLBACK_USED);
    if (!well) fprintf(stderr, "%s\n", err.text);
    entry_done(&entry);
    return well;
}

int main(int argc, char **argv)
{
    struct settings settings;
    struct err err = {0};
    struct subject s = {0};
    form_t *form = form_load(NULL, &err);
    if (argc != 2 || !form || settings_load(&settings, &err) == -1) return 2;
    s.provider = llm_provider_find(settings_llm(&settings));
    if (page_parse(page_json, strlen(page_json), &s.page, &err) == -1 || s.provider->open(&settings, form, &s.state, &err) == -1) {
        fprintf(stderr, "%s\n", err.text);
        return 2;
    }
    struct growth g = {.once = extract, .user = &s, .calls = atol(argv[1])};
    int code = growth_measure(&g, 8);
    s.provider->close(s.state);
    page_done(&s.page);
    form_destroy(&form);
    settings_done(&settings);
    return code;
}
