/* ocr: what a recognition provider is, and what it is given.
 *
 * A provider turns the grey picture of one page into words.  It never sees the document, a
 * socket or a task: decoding is decode.h's, the decision what to recognise is reader.c's.
 */
#ifndef SHEAF_OCR_SVC_OCR_H
#define SHEAF_OCR_SVC_OCR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/err.h"
#include "lib/settings.h"
#include "lib/vocabulary.h"
#include "ocr-svc/page.h"

/* A page's picture: 8 bits a pixel, 0 black, rows `stride` bytes apart. Borrowed for the call. */
struct ocr_image {
    const uint8_t *grey;
    int width, height;
    size_t stride;
    int dpi; /* best guess for a picture that says nothing */
};

/* How long an answer is wanted. */
struct ocr_wait {
    int64_t deadline_ms;               /* a moment of clock_ms() */
    bool (*cancelled)(const void *of); /* any thread, cheap; NULL: never */
    const void *of;
};

struct ocr_provider {
    const char *name;      /* as written in SHEAF_OCR */
    bool without_document; /* answers without a picture: no document is opened, image is NULL */

    /* What all engines of the process have in common (a connection pool, a token); once, before any open.  NULL:
     * nothing.  ERR_CONFIG when something has to be installed or set. */
    int (*start)(const struct settings *settings, void **common, struct err *err);
    void (*stop)(void *common);

    /* Once per work thread, on it, before the service is ready. May block and allocate. *engine is used by
     * that thread alone.  ERR_CONFIG likewise. */
    int (*open)(const struct settings *settings, void *common, void **engine, struct err *err);

    /* Appends words with boxes upright to `page`, sets page->rotation, page->lang and, when the page was
     * turned by 90 or 270 degrees, swaps width and height.  Blocks until wait->deadline_ms at most
     * (ERR_TIMEOUT), returns early with ERR_CANCELLED when nobody wants the answer.  An image without text is
     * no error.  On failure the page may hold some of the words. */
    int (*recognise)(void *engine, const struct ocr_image *image, const struct ocr_wait *wait,
                     struct page *page, struct err *err);

    /* Accepts NULL and a half-open engine. */
    void (*close)(void *engine);

    /* For stage_type.paused_until_ms; NULL: never paused. */
    int64_t (*paused_until_ms)(void *common);
    /* One real call that costs nothing, for `sheaf doctor`: 0 and what it says of itself in `text`, or -1. NULL:
     * it calls nobody. */
    int (*probe)(void *common, char *text, size_t room, struct err *err);
};

struct office;

/* The provider of this process, started, and what the form asks. */
struct ocr {
    const struct settings *settings;
    const struct ocr_provider *provider;
    void *common;
    form_t *form; /* whose labels `vocabulary` has; both NULL for a provider without documents */
    vocabulary_t *vocabulary;
    const struct office *office; /* office.h, set by whoever reads documents; NULL: Word documents are refused */
};

/* The provider that settings_ocr() names. *ocr may be closed also after a failure. */
int ocr_open(const struct settings *settings, struct ocr *ocr, struct err *err);
void ocr_close(struct ocr *ocr);

const struct ocr_provider *ocr_provider_find(const char *name, struct err *err); /* NULL with ERR_CONFIG */
extern const struct ocr_provider *const ocr_providers[];                         /* ends with NULL */

const char *ocr_versions(void); /* of the libraries that providers stand on, for --version */

#endif
