#include "llm-svc/llm.h"

#include <stdlib.h>
#include <string.h>

void school_done(struct school *school)
{
    free(school->name);
    free(school->folded);
    memset(school, 0, sizeof *school);
}

void schools_done(struct schools *schools)
{
    for (int i = 0; i < schools->n; i++) school_done(&schools->list[i]);
    free(schools->list);
    memset(schools, 0, sizeof *schools);
}

void split_done(struct split *split)
{
    free(split->entries);
    schools_done(&split->schools);
    memset(split, 0, sizeof *split);
}

void value_done(struct value *value)
{
    free(value->text);
    free(value->raw);
    free(value->words);
    memset(value, 0, sizeof *value);
}

void entry_done(struct entry *entry)
{
    for (int i = 0; i < entry->n_values; i++) value_done(&entry->values[i]);
    free(entry->values);
    free(entry->essay);
    free(entry->essay_pages);
    memset(entry, 0, sizeof *entry);
}
