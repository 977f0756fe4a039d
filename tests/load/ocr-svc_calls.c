/* The recognition provider, given the same small picture N times by eight threads: ocr-svc_calls N. Settings from the
 * environment. */
#include <string.h>
#include "ocr-svc/ocr.h"
#include "tests/load/growth.h"

#define WIDTH  240
#define HEIGHT 120

struct subject {
    struct ocr ocr;
    void *engine;
    uint8_t grey[WIDTH * HEIGHT];
};

static bool recognise(void *user)
{
    struct subject *s = user;
    struct ocr_image image = {.grey = s->grey, .width = WIDTH, .height = HEIGHT, .stride = WIDTH, .dpi = 300};
    struct ocr_wait wait = {.deadline_ms = clock_ms() + 60000};
    struct err err = {0};
    struct page page;
    page_init(&page, 1);
    bool well = s->ocr.provider->recognise(s->engine, &image, &wait, &page, &err) == 0 && page.n_words > 0;
    if (!well) fprintf(stderr, "%s\n", err.text);
    page_done(&page);
    return well;
}

int main(int argc, char **argv)
{
    struct settings settings;
    struct err err = {0};
    static struct subject s;
    if (argc != 2 || settings_load(&settings, &err) == -1) return 2;
    memset(s.grey, 0xff, sizeof s.grey);
    if (ocr_open(&settings, &s.ocr, &err) == -1 || s.ocr.provider->open(&settings, s.ocr.common, &s.engine, &err) == -1) {
        fprintf(stderr, "%s\n", err.text);
        return 2;
    }
    struct growth g = {.once = recognise, .user = &s, .calls = atol(argv[1])};
    int code = growth_measure(&g, 8);
    s.ocr.provider->close(s.engine);
    ocr_close(&s.ocr);
    settings_done(&settings);
    return code;
}
