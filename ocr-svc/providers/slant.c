/* By how much a page lies askew.
 *
 * Leptonica turns a black and white copy a little to and fro and looks where its rows differ most: there lines of text and
 * ruled lines lie level.  Its confidence is the ratio of the best to the worst: 20 to 60 for forms, about 2 for a few
 * lines of a hand, which are then told to half a degree. */
#include "ocr-svc/providers/sheet.h"

#include <math.h>
#include <stdbool.h>

#define DARK       130 /* of 255: ink, and nothing of most papers */
/* … once the paper is the same light everywhere: pale rules too, which tell more than a few lines of a hand do, and
 * ink on a sheet that lies in the dark or on a dark table. */
#define DARK_EVEN  160
#define CLEAR      10.0f /* needs no second measure */
/* Of a page on its side lines are clearer by 6 to 80 times that way; of an upright one the sheet's own edges, which the
 * camera saw askew in another way, by up to 1.7 times. */
#define ON_ITS_SIDE 5
/* A slant below a tenth of a degree moves the end of a line by less than a stroke.  What is measured with little
 * confidence is half a degree wrong at most; only where more is to be gained it is believed. */
#define SURE       3.0f
#define SMALL      0.1f
#define HARDLY     2.0f
#define NOT_SMALL  1.0f

struct measure {
    l_float32 degrees, confidence;
};

static struct measure measured(PIX *black)
{
    struct measure m = {0, 0};
    if (!black || pixFindSkew(black, &m.degrees, &m.confidence) != 0) return (struct measure){0, 0};
    return m;
}

static struct measure surer(struct measure a, struct measure b)
{
    return b.confidence > a.confidence ? b : a;
}

/* As the eye sees it: ink against the paper around it. */
static struct measure measured_evenly(PIX *grey, struct measure best, bool *on_its_side)
{
    PIX *even = pixBackgroundNormSimple(grey, NULL, NULL);
    PIX *black = even ? pixConvertTo1(even, DARK_EVEN) : NULL;
    best = surer(best, measured(black));
    if (black && best.confidence < CLEAR) { /* the page may lie on its side: its slant is the same */
        PIX *turned = pixRotateOrth(black, 1);
        struct measure side = measured(turned);
        *on_its_side = side.confidence > SURE && side.confidence > ON_ITS_SIDE * best.confidence;
        if (*on_its_side) best = side;
        pixDestroy(&turned);
    }
    pixDestroy(&black);
    pixDestroy(&even);
    return best;
}

double sheet_slant(PIX *grey, bool *on_its_side)
{
    *on_its_side = false;
    PIX *black = pixConvertTo1(grey, DARK);
    struct measure best = measured(black);
    pixDestroy(&black);
    if (best.confidence < CLEAR) best = measured_evenly(grey, best, on_its_side);
    bool believed = fabsf(best.degrees) > (best.confidence > SURE ? SMALL : NOT_SMALL) && best.confidence > HARDLY;
    if (!believed) return 0;
    return (double)best.degrees * 3.14159265358979 / 180;
}
