/* tesseract: recognition on this machine, English and Spanish, without a network.
 *
 * One engine per work thread, kept warm.  Before the engine sees a page it is put straight (leptonica) and its
 * paper made white where the light is uneven; a page that lies on its side or its head is found out by
 * orientation.c and turned. */
#include <leptonica/allheaders.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <tesseract/capi.h>
#include "lib/clock.h"
#include "ocr-svc/ocr.h"
#include "ocr-svc/providers/tesseract.h"

#define LANGUAGES "eng+spa"

struct engine {
    TessBaseAPI *api;
};

static void tesseract_close(void *state)
{
    struct engine *e = state;
    if (!e) return;
    if (e->api) {
        TessBaseAPIEnd(e->api);
        TessBaseAPIDelete(e->api);
    }
    free(e);
}

static int tesseract_open(const struct settings *settings, void **engine, struct err *err)
{
    /* Tesseract's own start touches process-wide state; threads open one after the other. */
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
    (void)settings;
    struct engine *e = calloc(1, sizeof *e);
    if (!e) return err_set(err, ERR_NOMEM, "out of memory");
    pthread_mutex_lock(&one_at_a_time);
    setMsgSeverity(L_SEVERITY_NONE);
    e->api = TessBaseAPICreate();
    int bad = !e->api || TessBaseAPIInit2(e->api, NULL, LANGUAGES, OEM_LSTM_ONLY) != 0;
    pthread_mutex_unlock(&one_at_a_time);
    if (bad) {
        tesseract_close(e);
        return err_set(err, ERR_CONFIG, "Tesseract cannot load " LANGUAGES
                                        ": install tesseract-ocr-eng and tesseract-ocr-spa, or set TESSDATA_PREFIX");
    }
    TessBaseAPISetVariable(e->api, "debug_file", "/dev/null"); /* it would write what it reads to stderr */
    *engine = e;
    return 0;
}

/* ---- one picture --------------------------------------------------------------------------------- */

static bool not_wanted(void *wait, int words)
{
    const struct ocr_wait *w = wait;
    (void)words;
    return clock_ms() >= w->deadline_ms || (w->cancelled && w->cancelled(w->of));
}

static int why_not(const struct ocr_wait *wait, struct err *err)
{
    if (wait->cancelled && wait->cancelled(wait->of)) return err_set(err, ERR_CANCELLED, "not wanted any more");
    return err_code(err, ERR_TIMEOUT, "timeout", "A page took too long to be recognised.");
}

static int run(struct engine *e, PIX *pix, TessPageSegMode mode, int dpi, const struct ocr_wait *wait, struct err *err)
{
    if (not_wanted((void *)(uintptr_t)wait, 0)) return why_not(wait, err);
    ETEXT_DESC *monitor = TessMonitorCreate();
    if (!monitor) return err_set(err, ERR_NOMEM, "out of memory");
    TessMonitorSetCancelFunc(monitor, not_wanted);
    TessMonitorSetCancelThis(monitor, (void *)(uintptr_t)wait);
    TessBaseAPISetPageSegMode(e->api, mode);
    TessBaseAPISetImage2(e->api, pix);
    TessBaseAPISetSourceResolution(e->api, dpi);
    int bad = TessBaseAPIRecognize(e->api, monitor);
    TessMonitorDelete(monitor);
    if (!bad) return 0;
    TessBaseAPIClear(e->api);
    if (not_wanted((void *)(uintptr_t)wait, 0)) return why_not(wait, err);
    return err_code(err, ERR_INPUT, "damaged", "A page could not be recognised.");
}

struct engine_seen engine_look(struct engine *e, PIX *pix, int dpi, const struct ocr_wait *wait)
{
    struct engine_seen seen = {0};
    if (run(e, pix, PSM_SINGLE_BLOCK, dpi, wait, NULL) != 0) return seen;
    TessResultIterator *it = TessBaseAPIGetIterator(e->api);
    if (it) {
        do {
            char *text = TessResultIteratorGetUTF8Text(it, RIL_WORD);
            if (!text) continue;
            size_t n = strlen(text);
            seen.letters += n;
            seen.sure += (double)n * (double)TessResultIteratorConfidence(it, RIL_WORD) / 100;
            TessDeleteText(text);
        } while (TessResultIteratorNext(it, RIL_WORD));
        TessResultIteratorDelete(it);
    }
    TessBaseAPIClear(e->api);
    return seen;
}

/* ---- words --------------------------------------------------------------------------------------- */

/* Where on the upright page a box of the straightened picture lies: its middle turned back by the slant. */
struct straightened {
    int width, height;
    double slant; /* radians, clockwise, by which the picture was turned */
};

static struct page_box box_on_page(const struct straightened *s, int l, int t, int r, int b)
{
    double cx = s->width / 2.0, cy = s->height / 2.0, x = (l + r) / 2.0 - cx, y = (t + b) / 2.0 - cy;
    double c = cos(s->slant), n = sin(s->slant);
    double ox = x * c + y * n + cx, oy = y * c - x * n + cy, w = (r - l) / 2.0, h = (b - t) / 2.0;
    double ux = (double)PAGE_UNITS / s->width, uy = (double)PAGE_UNITS / s->height;
    return (struct page_box){(int)lround((ox - w) * ux), (int)lround((oy - h) * uy), (int)lround((ox + w) * ux),
                             (int)lround((oy + h) * uy)};
}

static int take_words(struct engine *e, const struct straightened *s, struct page *page, struct err *err)
{
    int result = 0;
    TessResultIterator *it = TessBaseAPIGetIterator(e->api);
    if (!it) return 0; /* nothing was found */
    const TessPageIterator *place = TessResultIteratorGetPageIteratorConst(it);
    do {
        int l, t, r, b;
        if (!TessPageIteratorBoundingBox(place, RIL_WORD, &l, &t, &r, &b)) continue;
        char *text = TessResultIteratorGetUTF8Text(it, RIL_WORD);
        if (!text) continue;
        struct page_box box = box_on_page(s, l, t, r, b);
        double confidence = (double)TessResultIteratorConfidence(it, RIL_WORD) / 100;
        if (text[strspn(text, " \t\r\n")])
            result = page_add_word(page, text, NULL, &box, confidence, WORD_RECOGNISED, err);
        TessDeleteText(text);
    } while (result == 0 && TessResultIteratorNext(it, RIL_WORD));
    TessResultIteratorDelete(it);
    return result;
}

/* ---- the page ------------------------------------------------------------------------------------ */

static PIX *pix_of(const struct ocr_image *image)
{
    PIX *pix = pixCreateNoInit(image->width, image->height, 8);
    if (!pix) return NULL;
    l_uint32 *data = pixGetData(pix);
    size_t words_per_line = (size_t)pixGetWpl(pix);
    for (int y = 0; y < image->height; y++) {
        l_uint32 *line = data + (size_t)y * words_per_line;
        const uint8_t *from = image->grey + (size_t)y * image->stride;
        for (int x = 0; x < image->width; x++) SET_DATA_BYTE(line, x, from[x]);
    }
    pixSetResolution(pix, image->dpi, image->dpi);
    return pix;
}

static PIX *replaced(PIX *pix, PIX *by)
{
    if (!by) return pix; /* a step that failed is a step left out */
    pixDestroy(&pix);
    return by;
}

static int tesseract_recognise(void *engine, const struct ocr_image *image, const struct ocr_wait *wait,
                               struct page *page, struct err *err)
{
    struct engine *e = engine;
    PIX *pix = pix_of(image);
    if (!pix) return err_set(err, ERR_NOMEM, "out of memory for a page's picture");
    struct straightened s = {0};
    int dpi = image->dpi;
    page->lang = LANGUAGES;
    if (getenv("T_NORM")) pix = replaced(pix, pixBackgroundNormSimple(pix, NULL, NULL));
    if (getenv("T_SCALE")) { float f=(float)atof(getenv("T_SCALE")); pix = replaced(pix, pixScale(pix, f, f)); dpi=(int)(dpi*f); }
    if (getenv("T_DESKEW")) {
        l_float32 angle = 0, conf = 0;
        PIX *bw = pixConvertTo1(pix, 130);
        if (pixFindSkew(bw, &angle, &conf) == 0 && conf > 3 && fabsf(angle) > 0.1f) {
            s.slant = (double)angle * 3.14159265 / 180;
            pix = replaced(pix, pixRotate(pix, (l_float32)s.slant, L_ROTATE_AREA_MAP, L_BRING_IN_WHITE, 0, 0));
        }
        pixDestroy(&bw);
    }
    if (getenv("T_THRESH")) TessBaseAPISetVariable(e->api, "thresholding_method", getenv("T_THRESH"));
    s.width = pixGetWidth(pix);
    s.height = pixGetHeight(pix);
    int mode = getenv("T_PSM") ? atoi(getenv("T_PSM")) : PSM_AUTO;
    int result = run(e, pix, mode, dpi, wait, err);
    if (result == 0) result = take_words(e, &s, page, err);
    TessBaseAPIClear(e->api);
    pixDestroy(&pix);
    return result;
}

const struct ocr_provider ocr_tesseract = {
    .name = "tesseract",
    .open = tesseract_open,
    .recognise = tesseract_recognise,
    .close = tesseract_close,
};
