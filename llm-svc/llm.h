/* llm: what llm-svc's two stages are about: pages of words in, entries with fields and an essay out.
 *
 * The types and the provider struct; stage.c calls a provider and knows no provider by name,
 * providers/registry.c is the one list of them.  JSON stays in pages.c and entry_json.c.
 */
#ifndef SHEAF_LLM_SVC_LLM_H
#define SHEAF_LLM_SVC_LLM_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/err.h"
#include "lib/form.h"
#include "lib/settings.h"

/* A rectangle in points (1/72 inch), origin top left, y downwards. */
struct box {
    double x0, y0, x1, y1;
};

enum word_source { WORD_OCR = 'o', WORD_TEXT = 't', WORD_FIELD = 'f' };

struct word {
    const char *text;  /* as it stands there; belongs to the page */
    char *tight;       /* folded, without spaces: "" when there is no letter or digit in it */
    int raw_box[4];    /* 1/10000 of the page, as evidence is told */
    struct box box;    /* the same in points and straightened, as distances are measured */
    double confidence; /* 0 to 1 */
    int line;          /* in reading order, from 0 */
    enum word_source source;
    const char *field; /* the form field's name when source is WORD_FIELD, else NULL */
};

struct page {
    int number;           /* from 1 */
    double width, height; /* points */
    double ink;           /* share of dark pixels, -1 unknown */
    bool ocr;             /* its words were recognised */
    const char *failed;   /* a code when the page could not be read, else NULL */
    const char *text;     /* reading order, line by line */
    struct word *words;
    int n_words;
    json_t *json; /* what the texts above are borrowed from */
};

struct span {
    int first, last; /* pages, from 1 */
};

/* A school that a document names surely (read alike in several entries, or well in one), or that other documents do. */
struct school {
    char *name;   /* as it is spelled there */
    char *folded; /* as it is compared */
    int times;    /* entries that say just this, and other documents of the batch */
    double sure;  /* the best of the entries' confidences */
};

struct schools {
    struct school *list;
    int n;
};

struct split {
    struct span *entries;
    int n;
    const char *doc_class;  /* static text */
    struct schools schools; /* that the document names surely */
};

/* The codes that only a reader of the pages can see (proto/STAGES.md), as bits. */
enum observed {
    OBSERVED_OCR_FAILED = 1,
    OBSERVED_TEMPLATE_ONLY = 2,
    OBSERVED_DOC_TYPE_UNKNOWN = 4,
    OBSERVED_FIELD_ATTRIBUTION_RISK = 8,
    OBSERVED_CONTENT_MISMATCH = 16,
    OBSERVED_BLANK_SUBMISSION = 32,
    OBSERVED_EXTRACTION_FALLBACK_USED = 64
};

/* What tells how far a value can be trusted (trust.h). */
struct signs {
    double mean, least; /* confidence of its words */
    double page;        /* mean confidence of all that was filled in on its page */
    double shaky;       /* share of it that was not read surely: small in print, not by hand */
    int refused;        /* answers on its page that were no value of their field: the hand is hard to read */
    int again;          /* words that were doubtful at first and that all later readings had alike */
    double label;       /* quality of its label; 1 for a named form field */
    int letters;        /* letters and digits */
    int words;          /* of its text */
    int unknown;        /* of them, not in the lexicon */
    int near;           /* of the unknown, one letter away from a known one */
    int corrected;      /* of them, taken for a word of the lexicon */
    int strange;        /* groups of three letters that no known word has */
    int odd;            /* of them, shaped as hardly any word is */
    bool repaired;      /* misread signs were put right */
    bool twin;          /* a digit that recognition makes of others, by itself: a 9 is a 4 or a 7 to it at times, an 8 a 3, an 11 a 1 */
    bool nameless;      /* a school that does not call itself one: a word may have been lost */
    bool agrees, differs; /* with what is read elsewhere in the entry */
    bool beside;          /* a school that another entry of the document, or other documents of the batch, name nearly so */
    bool heard;           /* another entry of the document, or other documents of the batch, name the same school */
};

/* A field's value with its evidence: where on which page it stands. */
struct value {
    const struct form_field *field;
    char *text;        /* normalised by the form's rule */
    char *raw;         /* what stood there */
    double confidence; /* 0 to 1, calibrated: of values told with 0.9, nine of ten are right */
    struct signs signs;
    const char *source; /* "ocr", "text" or "field" */
    int page;           /* from 1 */
    int box[4];         /* 1/10000 of the page */
    int *words;         /* positions in the page's words */
    int n_words;
};

/* What was asked of a language model for it. */
struct llm_usage {
    int calls; /* 0: none was asked */
    int64_t tokens_in, tokens_out;
    double cost; /* in the unit of SHEAF_LLM_PRICE_* */
    const char *model;
};

struct entry {
    struct value *values; /* at most one for each field of the form, in the form's order */
    int n_values;
    char *essay; /* never NULL after extract */
    int essay_words;
    int *essay_pages; /* pages that the essay stands on */
    int n_essay_pages;
    double ocr_confidence; /* mean over the words of its pages; -1: there are none */
    unsigned observed;     /* OR of enum observed */
    struct llm_usage usage;
};

void school_done(struct school *school);
void schools_done(struct schools *schools);
void split_done(struct split *split);
void value_done(struct value *value);
void entry_done(struct entry *entry);

/* Every function may be called from several threads at once with the same state, and may block until
 * deadline_ms (clock_ms()).  Out-parameters are zeroed by the caller, and freed by it also when the function
 * fails. */
struct llm_provider {
    const char *name; /* as written in SHEAF_LLM */
    bool blind;       /* never looks at a page: `pages` is NULL and no page is loaded for it */
    /* Once, before ready; may block. `form` outlives the state. */
    int (*open)(const struct settings *settings, const form_t *form, void **state, struct err *err);
    /* Which pages belong together.  At least one entry when n_pages > 0; spans ascend and do not overlap. */
    int (*split)(void *state, const struct page *pages, int n_pages, int64_t deadline_ms, struct split *split,
                 struct err *err);
    /* One entry's fields, from its own pages only; `schools` is what split() and the batch's other documents
     * said of their schools, or NULL. */
    int (*extract)(void *state, const struct page *pages, int n_pages, const struct schools *schools,
                   int64_t deadline_ms, struct entry *entry, struct err *err);
    /* Whoever extract() asks failed so many rounds of calls that no entry is to wait for them any more.  NULL: never. */
    bool (*gone)(void *state);
    /* The same without whoever extract() could not reach, marked OBSERVED_EXTRACTION_FALLBACK_USED: for the last
     * attempt, and while they are gone.  NULL: there is nothing to fall back to. */
    int (*fall_back)(void *state, const struct page *pages, int n_pages, const struct schools *schools,
                     struct entry *entry, struct err *err);
    void (*close)(void *state); /* accepts NULL */
    /* For stage_type.paused_until_ms of `extract`; NULL: never paused. */
    int64_t (*paused_until_ms)(void *state);
    /* One real call that costs nothing, for `sheaf doctor`: 0 and what it says of itself in `text`, or -1.  NULL: it
     * calls nobody. */
    int (*probe)(void *state, char *text, size_t room, struct err *err);
};

extern const struct llm_provider llm_rules, llm_groq, llm_openai, llm_null;

/* By the name that settings_llm() answers.  NULL: there is none of that name. */
const struct llm_provider *llm_provider_find(const char *name);

#endif
