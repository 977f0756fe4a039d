/* tesseract: recognition on this machine, English and Spanish, without a network.
 *
 * One engine per work thread, kept warm.  A page is put straight (slant.c), turned upright (orientation.c),
 * brought to the size at which the engine reads best (sheet.c) and read as a whole; what the layout left out is read as blocks
 * (blocks.c), what came out doubtful in pieces (reread.c).  What was measured and left out stands in README.md. */
#include "ocr-svc/providers/tesseract.h"

#include <omp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/clock.h"
#include "lib/embed.h"
#include "ocr-svc/picture.h"

#define LANGUAGES "eng+spa"

/* The engine's networks see lines 36 pixels high and are trained on print. A hand is larger than print and
 * has finer strokes: at 300 dpi it is read half again as badly as at 200, print equally well at both. */
#define READ_DPI 200
/* The second reading is made far enough from the first that the two err in different places, above all in
 * where they see lines. */
#define SECOND_DPI 150 /* … of a picture that was read at more than COARSE */
#define COARSE     175 /* … others are enlarged to READ_DPI */
/* Below this mean confidence a page may stand on its head. */
#define PAGE_POOR 0.65
#define FEW_WORDS 5 /* fewer tell nothing */
/* Shorter words are as high as wide. Of a page's longer ones so many are higher only when it lies on its side. */
#define SOME_LETTERS 4
#define ON_ITS_SIDE  0.8
EMBED(hand_model, "ocr-svc/hand/hand.traineddata");

static void api_close(TessBaseAPI *api)
{
    if (!api) return;
    TessBaseAPIEnd(api);
    TessBaseAPIDelete(api);
}

static void tesseract_close(void *state)
{
    struct engine *e = state;
    if (!e) return;
    api_close(e->print);
    api_close(e->hand);
    free(e);
}

/* From the models that are installed, or from one in memory (size above 0). */
static bool api_open(TessBaseAPI **api, const char *languages, const char *model, size_t size)
{
    *api = TessBaseAPICreate();
    if (!*api) return false;
    int bad = size > 0 ? TessBaseAPIInit5(*api, model, (int)size, languages, OEM_LSTM_ONLY, NULL, 0, NULL,
                                          NULL, 0, 0)
                       : TessBaseAPIInit2(*api, NULL, languages, OEM_LSTM_ONLY);
    /* It would write what it reads to stderr. */
    return !bad && TessBaseAPISetVariable(*api, "debug_file", "/dev/null");
}

static int tesseract_open(const struct settings *settings, void *common, void **engine, struct err *err)
{
    /* Tesseract's own start touches process-wide state; threads open one after the other. */
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
    (void)settings, (void)common;
    struct engine *e = calloc(1, sizeof *e);
    if (!e) return err_set(err, ERR_NOMEM, "out of memory");
    /* Tesseract's own threads wait for each other in a spin: with two, a page took six times the processor
     * time of one. No parallel region is entered at all: Tesseract states the number itself, and the variable
     * OMP_THREAD_LIMIT is only looked at before main(). */
    omp_set_max_active_levels(0);
    pthread_mutex_lock(&one_at_a_time);
    setMsgSeverity(L_SEVERITY_NONE);
    bool good =
        api_open(&e->print, LANGUAGES, NULL, 0) && api_open(&e->hand, "hand", hand_model, hand_model_size);
    pthread_mutex_unlock(&one_at_a_time);
    if (!good) {
        tesseract_close(e);
        return err_set(err, ERR_CONFIG,
                       "Tesseract cannot load " LANGUAGES
                       ": install tesseract-ocr-eng and tesseract-ocr-spa, or set TESSDATA_PREFIX");
    }
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

int engine_recognise(TessBaseAPI *api, PIX *pix, int dpi, TessPageSegMode mode, const struct ocr_wait *wait,
                     struct err *err)
{
    void *waiting = (void *)(uintptr_t)wait;
    if (not_wanted(waiting, 0)) return why_not(wait, err);
    ETEXT_DESC *monitor = TessMonitorCreate();
    if (!monitor) return err_set(err, ERR_NOMEM, "out of memory");
    TessMonitorSetCancelFunc(monitor, not_wanted);
    TessMonitorSetCancelThis(monitor, waiting);
    TessBaseAPISetPageSegMode(api, mode);
    TessBaseAPISetImage2(api, pix);
    TessBaseAPISetSourceResolution(api, dpi);
    int bad = TessBaseAPIRecognize(api, monitor);
    TessMonitorDelete(monitor);
    if (not_wanted(waiting, 0)) return why_not(wait, err); /* what was read is half a page */
    return bad ? err_code(err, ERR_INPUT, "damaged", "A page could not be recognised.") : 0;
}

static int take_words(TessBaseAPI *api, const struct sheet *s, struct page *page, struct err *err)
{
    int result = 0;
    TessResultIterator *it = TessBaseAPIGetIterator(api);
    if (!it) return 0; /* nothing was found */
    const TessPageIterator *place = TessResultIteratorGetPageIteratorConst(it);
    do {
        int l, t, r, b;
        if (!TessPageIteratorBoundingBox(place, RIL_WORD, &l, &t, &r, &b)) continue;
        char *text = TessResultIteratorGetUTF8Text(it, RIL_WORD);
        if (!text) continue;
        struct page_box box = sheet_box_on_page(s, l, t, r, b);
        double confidence = (double)TessResultIteratorConfidence(it, RIL_WORD) / 100;
        if (text[strspn(text, " \t\r\n")])
            result = page_add_word(page, text, NULL, &box, confidence, WORD_RECOGNISED, err);
        TessDeleteText(text);
    } while (result == 0 && TessResultIteratorNext(it, RIL_WORD));
    TessResultIteratorDelete(it);
    return result;
}

int engine_read(TessBaseAPI *api, const struct sheet *sheet, TessPageSegMode mode,
                const struct ocr_wait *wait, struct page *page, struct err *err)
{
    int result = engine_recognise(api, sheet->pix, sheet->dpi, mode, wait, err);
    if (result == 0) result = take_words(api, sheet, page, err);
    TessBaseAPIClear(api);
    return result;
}

/* Reads a page once more that went badly, by the network for handwriting: such a page mostly is one. The second reading is a help: where
 * it fails for want of time or memory the first one stands. */
static void read_again(struct engine *e, const struct sheet *sheet, const struct ocr_wait *wait,
                       struct page *page)
{
    if (page_confidence(page) >= PAGE_STRONG) return;
    size_t first = page->n_words;
    struct sheet other = *sheet;
    other.pix = pixClone(sheet->pix);
    sheet_resize(&other, sheet->dpi > COARSE ? SECOND_DPI : READ_DPI);
    if (engine_read(e->hand, &other, PSM_AUTO, wait, page, NULL) != 0 || page_merge(page, first, NULL) != 0)
        page->n_words = first;
    pixDestroy(&other.pix);
}

static int read_whole(struct engine *e, const struct sheet *sheet, const struct ocr_wait *wait, struct page *page,
                      struct err *err)
{
    int result = engine_read(e->print, sheet, PSM_AUTO, wait, page, err);
    if (result == 0) read_again(e, sheet, wait, page);
    return result;
}

/* Are most words of some letters higher than wide? */
static bool lies_on_its_side(const struct page *page)
{
    size_t n = 0, high = 0;
    for (size_t i = 0; i < page->n_words; i++) {
        const struct page_word *w = &page->words[i];
        if (strlen(page_word_text(page, w)) < SOME_LETTERS) continue;
        n++;
        high += (w->box.bottom - w->box.top) * page->height > (w->box.right - w->box.left) * page->width;
    }
    return n >= FEW_WORDS && (double)high > ON_ITS_SIDE * (double)n;
}

/* The layout finds lines that run up or down the page as well, and they are read well; only where a page has few words the count of strokes does
 * not tell that it lies on its side (orientation.c). To which one, is told by how it is read then. */
static int read_upright(struct engine *e, struct sheet *sheet, const struct ocr_wait *wait, struct page *page, struct err *err)
{
    int result = read_whole(e, sheet, wait, page, err);
    if (result != 0 || !lies_on_its_side(page)) return result;
    page_drop_all(page);
    sheet_turn(sheet, 90, page);
    return read_whole(e, sheet, wait, page, err);
}

/* A page of a hand may lie upside down without its strokes or a strip telling so surely enough (orientation.c). Read as a whole it tells: what is
 * read so badly is read the other way up as well, and the surer reading stays. */
static void read_other_way_up(struct engine *e, struct sheet *sheet, const struct ocr_wait *wait, struct page *page)
{
    double as_it_is = page_confidence(page);
    if (page->n_words < FEW_WORDS || as_it_is >= PAGE_POOR) return;
    struct sheet other = *sheet;
    struct page again;
    other.pix = pixRotateOrth(sheet->pix, 2);
    page_init(&again, page->number);
    if (other.pix && read_whole(e, &other, wait, &again, NULL) == 0 && page_confidence(&again) > as_it_is) {
        PIX *lying = sheet->pix;
        sheet->pix = other.pix;
        other.pix = lying;
        page_turn(page, 180);
        page_take_words(page, &again);
    }
    page_done(&again);
    pixDestroy(&other.pix);
}

static int tesseract_recognise(void *engine, const struct ocr_image *image, const struct ocr_wait *wait,
                               struct page *page, struct err *err)
{
    struct engine *e = engine;
    struct sheet sheet = {.pix = picture_of(image), .dpi = image->dpi};
    if (!sheet.pix) return err_set(err, ERR_NOMEM, "out of memory for a page's picture");
    page->lang = LANGUAGES;
    sheet_straighten(&sheet); /* first: which way up it lies shows on level lines */
    sheet_turn(&sheet, orientation_find(e, &sheet, wait), page);
    if (sheet.dpi > READ_DPI) sheet_resize(&sheet, READ_DPI);
    int result = read_upright(e, &sheet, wait, page, err);
    if (result == 0) read_other_way_up(e, &sheet, wait, page);
    page_straighten(page, sheet.slant);
    if (result == 0) read_lost_blocks(e, &sheet, wait, page);
    if (result == 0) reread_doubtful(e, &sheet, wait, page);
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
