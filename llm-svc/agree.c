#include "llm-svc/agree.h"

#include <stdlib.h>
#include <string.h>
#include "lib/auto.h"
#include "lib/vocabulary.h"

/* Shorter words agree by chance. */
#define LETTERS 4
/* Two words with a third of their letters wrong may still be one. */
#define NEAR_SHARE 3

enum agreement { AGREE_NO, AGREE_NEARLY, AGREE_YES };

/* Do two folded names share a word, or nearly?  The first words are given names, and no matter. */
static enum agreement compare_names(const char *a, const char *b)
{
    enum agreement best = AGREE_NO;
    for (const char *p = strchr(a, ' '); p; p = strchr(p + 1, ' ')) {
        int n = (int)strcspn(p + 1, " ");
        for (const char *q = strchr(b, ' '); n >= LETTERS && q; q = strchr(q + 1, ' ')) {
            int m = (int)strcspn(q + 1, " "), most = n / NEAR_SHARE;
            if (m < LETTERS || n > PHRASE_MAX || m > PHRASE_MAX) continue;
            int edits = edit_distance(p + 1, n, q + 1, m, most);
            if (edits == 0) return AGREE_YES;
            if (edits <= most) best = AGREE_NEARLY;
        }
    }
    return best;
}

/* Does an address hold a word of the name? */
static bool in_address(const char *name, const char *address)
{
    char word[PHRASE_MAX + 1];
    for (const char *p = strchr(name, ' '); p; p = strchr(p + 1, ' ')) {
        size_t n = strcspn(p + 1, " ");
        if (n < LETTERS || n > PHRASE_MAX) continue;
        memcpy(word, p + 1, n);
        word[n] = '\0';
        if (strstr(address, word)) return true;
    }
    return false;
}

static void note(struct value *value, enum agreement how)
{
    if (how == AGREE_YES) value->signs.agrees = true;
    if (how == AGREE_NEARLY) value->signs.differs = true;
}

int agree_names(struct entry *entry)
{
    for (int i = 0; i < entry->n_values; i++) {
        struct value *value = &entry->values[i];
        if (value->field->rule != FORM_NAME) continue;
        AUTO_FREE char *name = form_fold(value->text);
        if (!name) return -1;
        for (int j = 0; j < entry->n_values; j++) {
            struct value *other = &entry->values[j];
            bool address = other->field->rule == FORM_EMAIL;
            if (i == j || (other->field->rule != FORM_NAME && !address)) continue;
            AUTO_FREE char *text = address ? strdup(other->text) : form_fold(other->text);
            if (!text) return -1;
            if (!address)
                note(value, compare_names(name, text));
            else if (in_address(name, text))
                value->signs.agrees = other->signs.agrees = true;
        }
    }
    return 0;
}
