#include "proto/stages.h"

#include <string.h>

const struct stage_name stage_names[STAGE_NAMES_N] = {
    {"store", "persist-svc", "Keep the original"}, {"inspect", "ocr-svc", "Look at the document"},
    {"page", "ocr-svc", "Read the pages"},         {"split", "llm-svc", "Find the entries"},
    {"extract", "llm-svc", "Read the fields"},     {"save", "persist-svc", "Save the records"},
    {"notify", "notify-svc", "Send the message"},
};

int stage_find(const char *name)
{
    for (int i = 0; i < STAGE_NAMES_N; i++)
        if (strcmp(name, stage_names[i].name) == 0) return i;
    return -1;
}
