/* The one list of providers. Adding one = its file in this folder and a line here and in settings.def. */
#include <string.h>
#include "ocr-svc/ocr.h"

extern const struct ocr_provider ocr_tesseract, ocr_null;

const struct ocr_provider *const ocr_providers[] = {&ocr_tesseract, &ocr_null, NULL};

const struct ocr_provider *ocr_provider_find(const char *name, struct err *err)
{
    if (!name) return ocr_providers[0];
    for (const struct ocr_provider *const *p = ocr_providers; *p; p++)
        if (strcmp((*p)->name, name) == 0) return *p;
    err_set(err, ERR_CONFIG, "SHEAF_OCR: there is no provider \"%s\"", name);
    return NULL;
}
