/* tesseract: recognition on this machine, English and Spanish, without a network.
 *
 * One engine per work thread, kept warm.  A page is turned upright (orientation.c), put straight, brought to
 * the size at which the engine reads best, and read as a whole; a page that came out weak is read again at
 * another size and each word taken from the surer reading (page_merge.c).  What was measured and left out
 * stands in README.md. */
#include "ocr-svc/providers/tesseract.h"

#include <math.h>
#include <omp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/clock.h"
#include "ocr-svc/picture.h"

#define LANGUAGES "eng+spa"

/* The engine's networks see lines 36 pixels high and are trained on print. A hand is larger than print and has
 * finer strokes: at 300 dpi it is read half again as badly as at 200, print equally well at both. */
#define READ_DPI 200
/* The second reading is made far enough from the first that the two err in different places. */
#define SECOND_DPI 150 /* … of a picture that was read at more than COARSE */
#define COARSE     175 /* … others are enlarged to READ_DPI */
#define NEAR       1.1 /* less than this is not worth a copy */
/* Mean confidence of a page. Print that is read well lies above 0.94, handwriting below 0.93. */
#define STRONG 0.935

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

static int tesseract_open(const struct settings *settings, void *common, void **engine, struct err *err)
{
    /* Tesseract's own start touches process-wide state; threads open one after the other. */
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
    (void)settings, (void)common;
    struct engine *e = calloc(1, sizeof *e);
    if (!e) return err_set(err, ERR_NOMEM, "out of memory");
    /* Tesseract's own threads wait for each other in a spin: with two, a page took six times the processor time
     * of one. No parallel region is entered at all: Tesseract states the number itself, and the variable OMP_THREAD_LIMIT is only looked at before
     * main(). */
    omp_set_max_active_levels(0);
    pthread_mutex_lock(&one_at_a_time);
    setMsgSeverity(L_SEVERITY_NONE);
    e->api = TessBaseAPICreate();
    int bad = !e->api || TessBaseAPIInit2(e->api, NULL, LANGUAGES, OEM_LSTM_ONLY) != 0;
    pthread_mutex_unlock(&one_at_a_time);
    if (bad) {
        tesseract_close(e);
        return err_set(err, ERR_CONFIG,
                       "Tesseract cannot load " LANGUAGES
                       ": install tesseract-ocr-eng and tesseract-ocr-spa, or set TESSDATA_PREFIX");
    }
    TessBaseAPISetVariable(e->api, "debug_file", "/dev/null"); /* it would write what it reads to stderr */
    *engine = e;
    return 0;
}

/* ---- recognition --------------------------------------------------------------------------------- */

static bool not_wanted(void *wait, int words)
{
    const struct ocr_wait *w = wait;
    (void)words;
    return clock_ms() >= w->deadline_ms || (w->cancelled && w->cancelled(w->of));
}

static int why_not(const struct ocr_wait *wait, struct err *err)
{
    if (wait->cancelled && wait->cancelled(wait->of))
        return err_set(err, ERR_CANCELLED, "not wanted any more");
    return err_code(err, ERR_TIMEOUT, "timeout", "A page took too long to be recognised.");
}

static int recognise(struct engine *e, const struct sheet *sheet, TessPageSegMode mode,
                     const struct ocr_wait *wait, struct err *err)
{
    void *waiting = (void *)(uintptr_t)wait;
    if (not_wanted(waiting, 0)) return why_not(wait, err);
    ETEXT_DESC *monitor = TessMonitorCreate();
    if (!monitor) return err_set(err, ERR_NOMEM, "out of memory");
    TessMonitorSetCancelFunc(monitor, not_wanted);
    TessMonitorSetCancelThis(monitor, waiting);
    TessBaseAPISetPageSegMode(e->api, mode);
    TessBaseAPISetImage2(e->api, sheet->pix);
    TessBaseAPISetSourceResolution(e->api, sheet->dpi);
    int bad = TessBaseAPIRecognize(e->api, monitor);
    TessMonitorDelete(monitor);
    if (not_wanted(waiting, 0)) return why_not(wait, err); /* what was read is half a page */
    return bad ? err_code(err, ERR_INPUT, "damaged", "A page could not be recognised.") : 0;
}

/* Where on the page a box of the straightened sheet lies: its middle, turned back by the slant. */
static struct page_box box_on_page(const struct sheet *s, int l, int t, int r, int b)
{
    int width = pixGetWidth(s->pix), height = pixGetHeight(s->pix);
    double cx = width / 2.0, cy = height / 2.0, x = (l + r) / 2.0 - cx, y = (t + b) / 2.0 - cy;
    double c = cos(s->slant), n = sin(s->slant);
    double ox = x * c + y * n + cx, oy = y * c - x * n + cy, w = (r - l) / 2.0, h = (b - t) / 2.0;
    double ux = (double)PAGE_UNITS / width, uy = (double)PAGE_UNITS / height;
    return (struct page_box){(int)lround((ox - w) * ux), (int)lround((oy - h) * uy),
                             (int)lround((ox + w) * ux), (int)lround((oy + h) * uy)};
}

static int take_words(struct engine *e, const struct sheet *s, struct page *page, struct err *err)
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

int engine_read(struct engine *e, const struct sheet *sheet, TessPageSegMode mode,
                const struct ocr_wait *wait, struct page *page, struct err *err)
{
    int result = recognise(e, sheet, mode, wait, err);
    if (result == 0) result = take_words(e, sheet, page, err);
    TessBaseAPIClear(e->api);
    return result;
}

/* ---- the sheet ----------------------------------------------------------------------------------- */

/* A step that failed, for want of memory, is a step left out. */
static void replace(struct sheet *s, PIX *by)
{
    if (!by) return;
    pixDestroy(&s->pix);
    s->pix = by;
}

static void turn(struct sheet *s, int degrees, struct page *page)
{
    if (degrees == 0) return;
    replace(s, pixRotateOrth(s->pix, degrees / 90));
    page_turn(page, degrees);
}

/* A slant below a tenth of a degree moves the end of a line by less than a stroke; a low confidence (a ratio
 * of leptonica's line scores) means that there are no lines to measure it by. */
static void straighten(struct sheet *s)
{
    l_float32 angle = 0, confidence = 0;
    PIX *black = pixConvertTo1(s->pix, 130);
    if (black && pixFindSkew(black, &angle, &confidence) == 0 && confidence > 3 && fabsf(angle) > 0.1f) {
        double slant = (double)angle * 3.14159265358979 / 180;
        PIX *straight = pixRotate(s->pix, (l_float32)slant, L_ROTATE_AREA_MAP, L_BRING_IN_WHITE, 0, 0);
        if (straight) s->slant = slant;
        replace(s, straight);
    }
    pixDestroy(&black);
}

static void resize(struct sheet *s, int dpi)
{
    double by = (double)dpi / s->dpi;
    if (by * NEAR > 1 && by < NEAR) return;
    PIX *other = pixScale(s->pix, (l_float32)by, (l_float32)by);
    if (other) s->dpi = dpi;
    replace(s, other);
}

/* Reads the sheet once, and once more when that went badly. The second reading is a help: where it fails for
 * want of time or memory the first one stands. */
static int read_twice(struct engine *e, struct sheet *sheet, const struct ocr_wait *wait, struct page *page,
                      struct err *err)
{
    if (sheet->dpi > READ_DPI) resize(sheet, READ_DPI);
    if (engine_read(e, sheet, PSM_AUTO, wait, page, err) != 0) return -1;
    if (page_confidence(page) >= STRONG) return 0;
    size_t first = page->n_words;
    resize(sheet, sheet->dpi > COARSE ? SECOND_DPI : READ_DPI);
    if (engine_read(e, sheet, PSM_AUTO, wait, page, NULL) != 0 || page_merge(page, first, NULL) != 0)
        page->n_words = first;
    return 0;
}

static int tesseract_recognise(void *engine, const struct ocr_image *image, const struct ocr_wait *wait,
                               struct page *page, struct err *err)
{
    struct engine *e = engine;
    struct sheet sheet = {.pix = picture_of(image), .dpi = image->dpi};
    if (!sheet.pix) return err_set(err, ERR_NOMEM, "out of memory for a page's picture");
    page->lang = LANGUAGES;
    turn(&sheet, orientation_find(e, &sheet, wait), page);
    straighten(&sheet);
    int result = read_twice(e, &sheet, wait, page, err);
    page_straighten(page, sheet.slant);
    pixDestroy(&sheet.pix);
    return result;
}

const struct ocr_provider ocr_tesseract = {
    .name = "tesseract",
    .open = tesseract_open,
    .recognise = tesseract_recognise,
    .close = tesseract_close,
};

const char *ocr_versions(void)
{
    static char text[160];
    char *lept = getLeptonicaVersion();
    snprintf(text, sizeof text, "tesseract %s, %s", TessVersion(), lept ? lept : "leptonica");
    lept_free(lept);
    return text;
}
