/* Pictures of phones (HEIC), by libheif. Runs in the decoding child alone. */
#include <libheif/heif.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/auto.h"
#include "ocr-svc/decode_format.h"

struct heif {
    void *map; /* the file, read only: libheif does not copy it */
    size_t size;
    struct heif_context *context;
    struct heif_image_handle *picture; /* the primary one */
};

static bool brand_is_heif(const uint8_t *brand)
{
    static const char brands[][5] = {"heic", "heix", "heim", "heis", "mif1"};
    for (size_t i = 0; i < COUNT_OF(brands); i++)
        if (memcmp(brand, brands[i], 4) == 0) return true;
    return false;
}

/* An ISO media file begins with a box "ftyp": its size, major brand, version, compatible brands. AVIF lists HEIF's brands,
 * but is decoded by something that is not here. */
static bool heif_is(const uint8_t *head, size_t len)
{
    if (len < 16 || memcmp(head + 4, "ftyp", 4) != 0 || memcmp(head + 8, "avi", 3) == 0) return false;
    size_t box = (size_t)head[2] << 8 | head[3];
    if (brand_is_heif(head + 8)) return true;
    for (size_t at = 16; at + 4 <= box && at + 4 <= len; at += 4)
        if (brand_is_heif(head + at)) return true;
    return false;
}

static void heif_close(void *doc)
{
    struct heif *h = doc;
    if (h->picture) heif_image_handle_release(h->picture);
    if (h->context) heif_context_free(h->context);
    if (h->map) munmap(h->map, h->size);
    free(h);
}

static bool map_file(struct heif *h, int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || st.st_size <= 0) return false;
    void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED) return false;
    h->map = p;
    h->size = (size_t)st.st_size;
    return true;
}

static enum decode_status heif_open(int fd, const struct limits *limits, void **doc, enum decode_kind *kind,
                                    int *pages)
{
    enum decode_status status = DECODE_DAMAGED;
    struct heif *h = calloc(1, sizeof *h);
    bool mapped = h && map_file(h, fd);
    close(fd);
    if (!h) return DECODE_NO_MEMORY;
    if (mapped) h->context = heif_context_alloc();
    if (h->context) {
        heif_context_set_max_decoding_threads(h->context, 0); /* on this thread: ours are counted */
        heif_context_set_maximum_image_size_limit(h->context, LIMITS_MAX_SIDE);
        struct heif_error e = heif_context_read_from_memory_without_copy(h->context, h->map, h->size, NULL);
        if (e.code == heif_error_Ok) e = heif_context_get_primary_image_handle(h->context, &h->picture);
        if (e.code == heif_error_Ok)
            status = limits_pixels_ok(limits, heif_image_handle_get_width(h->picture),
                                      heif_image_handle_get_height(h->picture))
                         ? DECODE_OK
                         : DECODE_PAGE_TOO_LARGE;
    }
    if (status != DECODE_OK) {
        heif_close(h);
        return status;
    }
    *doc = h;
    *kind = DECODE_IMAGE;
    *pages = 1;
    return DECODE_OK;
}

/* libheif turns and mirrors as the file says. The luma plane is the grey picture. */
static enum decode_status heif_pixels(void *doc, int number, int dpi, struct pixel_sink *sink)
{
    struct heif *h = doc;
    struct heif_image *image = NULL;
    (void)number, (void)dpi;
    struct heif_decoding_options *options = heif_decoding_options_alloc();
    if (!options) return DECODE_NO_MEMORY;
    options->convert_hdr_to_8bit = 1;
    struct heif_error e =
        heif_decode_image(h->picture, &image, heif_colorspace_YCbCr, heif_chroma_420, options);
    heif_decoding_options_free(options);
    if (e.code != heif_error_Ok || !image) return DECODE_DAMAGED;

    int width = heif_image_get_width(image, heif_channel_Y),
        height = heif_image_get_height(image, heif_channel_Y);
    int stride = 0;
    const uint8_t *luma = heif_image_get_plane_readonly(image, heif_channel_Y, &stride);
    enum decode_status status = DECODE_DAMAGED;
    if (luma && width > 0 && height > 0 && stride >= width) {
        double dpi_of_letter = (width > height ? width : height) / 11.0; /* phones state no resolution */
        status = pixel_sink_begin(sink, (uint32_t)width, (uint32_t)height, width * 72 / dpi_of_letter,
                                  height * 72 / dpi_of_letter);
    }
    if (status == DECODE_OK)
        for (int y = 0; y < height; y++)
            memcpy(sink->grey + (size_t)y * sink->header->stride, luma + (size_t)y * (size_t)stride,
                   (size_t)width);
    heif_image_release(image);
    return status;
}

const struct decode_format decode_format_heif = {
    .name = "heif",
    .is = heif_is,
    .open = heif_open,
    .pixels = heif_pixels,
    .close = heif_close,
};
