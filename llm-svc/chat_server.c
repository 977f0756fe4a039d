#include <string.h>
#include "lib/auto.h"
#include "llm-svc/chat.h"

/* What each server takes.  Sources: openai-openapi, groq-python 1.6.0, ollama's openai.go, llama.cpp's server README and
 * server-common.cpp, vLLM's structured outputs, August 2026; OpenAI's and Groq's lists of models and of those they retire, November 2026. */
static const struct chat_server servers[] = {
    {.name = "groq", .at = "api.groq.com", .model = "openai/gpt-oss-120b", .limit_field = "max_completion_tokens", .best = CHAT_STRICT,
     .strict_models = "gpt-oss", .temperature = true, .seed = true, .effort_models = "gpt-oss"},
    {.name = "openai", .at = "api.openai.com", .model = "gpt-6-luna", .limit_field = "max_completion_tokens", .best = CHAT_STRICT,
     .temperature = false, .seed = true, .effort_models = "gpt-6"},
    {.name = "ollama", .at = ":11434", .model = "gpt-oss:20b", .limit_field = "max_tokens", .best = CHAT_SCHEMA, .temperature = true, .seed = true},
    {.name = "llamacpp", .model = "openai/gpt-oss-20b", .limit_field = "max_tokens", .best = CHAT_SCHEMA, .temperature = true, .seed = true},
    {.name = "vllm", .model = "openai/gpt-oss-20b", .limit_field = "max_tokens", .best = CHAT_SCHEMA, .temperature = true, .seed = true},
    {.name = "other", .model = "openai/gpt-oss-120b", .limit_field = "max_tokens", .best = CHAT_SCHEMA, .temperature = true, .seed = false},
};

const struct chat_server *chat_server_find(const char *name, const char *base_url)
{
    bool by_address = strcmp(name, "auto") == 0;
    for (size_t i = 0; i < COUNT_OF(servers); i++) {
        if (!by_address && strcmp(servers[i].name, name) == 0) return &servers[i];
        if (by_address && servers[i].at && strstr(base_url, servers[i].at)) return &servers[i];
    }
    return &servers[COUNT_OF(servers) - 1];
}

enum chat_format chat_format_best(const struct chat_server *server, const char *model)
{
    bool strict = server->best == CHAT_STRICT && (!server->strict_models || strstr(model, server->strict_models));
    return server->best == CHAT_STRICT && !strict ? CHAT_SCHEMA : server->best;
}
