#include "ocr-svc/alike.h"

#include <string.h>
#include "lib/auto.h"

/* A w of two bows or two wedges.  Other such pairs (rn and m, cl and d, li and h) were measured, too, and gained nothing (README.md). */
static const char *const like_w[] = {"ul", "ui", "vi", "vv", "uu"};

static bool is_like_w(const char *p)
{
    for (size_t i = 0; i < COUNT_OF(like_w); i++)
        if (!strncmp(p, like_w[i], strlen(like_w[i]))) return true;
    return false;
}

bool alike(const char *text, char out[ALIKE_BYTES])
{
    size_t len = 0;
    bool any = false;
    if (strlen(text) >= ALIKE_BYTES || strchr(text, '@')) return false;
    for (const char *p = text; *p;) {
        bool w = is_like_w(p);
        out[len++] = w ? 'w' : *p;
        any = any || w;
        p += w ? 2 : 1;
    }
    out[len] = '\0';
    return any;
}
