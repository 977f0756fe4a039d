/* The one list of providers. Adding one = its file in this folder and a line here and in settings.def. */
#include <string.h>
#include "ocr-svc/ocr.h"

extern const struct ocr_provider ocr_tesseract, ocr_google, ocr_null;

const struct ocr_provider *const ocr_providers[] = {&ocr_tesseract, &ocr_google, &ocr_null, NULL};

const struct ocr_provider *ocr_provider_find(const char *name, struct err *err)
{
    for (const struct ocr_provider *const *p = ocr_providers; *p; p++)
        if (strcmp((*p)->name, name) == 0) return *p;
    err_set(err, ERR_CONFIG, "SHEAF_OCR: there is no provider \"%s\"", name);
    return NULL;
}

int ocr_open(const struct settings *settings, struct ocr *ocr, struct err *err)
{
    *ocr = (struct ocr){.settings = settings, .provider = ocr_provider_find(settings_ocr(settings), err)};
    if (!ocr->provider) return -1;
    if (!ocr->provider->without_document && (!(ocr->form = form_load(settings->form_file, err)) || !(ocr->vocabulary = vocabulary_new(ocr->form, err))))
        return -1;
    return ocr->provider->start ? ocr->provider->start(settings, &ocr->common, err) : 0;
}

void ocr_close(struct ocr *ocr)
{
    if (ocr->provider && ocr->provider->stop) ocr->provider->stop(ocr->common);
    vocabulary_destroy(&ocr->vocabulary);
    form_destroy(&ocr->form);
    *ocr = (struct ocr){0};
}
