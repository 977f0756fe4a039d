/* ocr-svc/limits, exif: sizes, and which way up. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>
#include "ocr-svc/exif.h"
#include "ocr-svc/limits.h"

static const struct limits limits = {.child_bytes = (int64_t)512 << 20, .max_pixels = 40000000, .max_pages = 200};

static void test_dpi_of_an_ordinary_page_is_as_wanted(void **state)
{
    (void)state;
    assert_true(limits_dpi_that_fits(&limits, 612, 792, 300) == 300);
}

static void test_dpi_of_a_poster_is_what_fits_forty_megapixels(void **state)
{
    (void)state;
    double dpi = limits_dpi_that_fits(&limits, 7200, 7200, 300);
    assert_true(dpi > 60 && dpi < 300);
    assert_true(100 * dpi * 100 * dpi <= 40000001.0);
}

static void test_what_the_child_allocates_is_a_part_of_its_memory(void **state)
{
    (void)state;
    assert_true(limits_data_bytes(&limits) + limits_file_bytes(&limits) < limits.child_bytes);
    assert_true(limits_data_bytes(&limits) > limits.child_bytes / 2);
}

static void test_dpi_of_a_page_that_makes_no_sense_is_none(void **state)
{
    (void)state;
    assert_true(limits_dpi_that_fits(&limits, 0, 792, 300) == 0);
    assert_true(limits_dpi_that_fits(&limits, -5, 792, 300) == 0);
    assert_true(limits_dpi_that_fits(&limits, INFINITY, 792, 300) == 0);
    assert_true(limits_dpi_that_fits(&limits, NAN, 792, 300) == 0);
    assert_true(limits_dpi_that_fits(&limits, 1e9, 1e9, 300) == 0);
}

static void test_jpeg_is_scaled_while_decoding_until_it_fits(void **state)
{
    (void)state;
    assert_int_equal(limits_jpeg_reduction(&limits, 5000, 7000), 1);
    assert_int_equal(limits_jpeg_reduction(&limits, 10000, 8000), 2);
    assert_int_equal(limits_jpeg_reduction(&limits, 40000, 40000), 8);
    assert_int_equal(limits_jpeg_reduction(&limits, 65500, 65500), 0);
}

static void test_refusals_bear_the_codes_of_the_outside_interface(void **state)
{
    (void)state;
    static const struct {
        enum decode_status status;
        const char *code;
        enum err_kind kind;
    } want[] = {{DECODE_ENCRYPTED, "encrypted", ERR_INPUT},
                {DECODE_NO_PAGES, "no_pages", ERR_INPUT},
                {DECODE_DAMAGED, "damaged", ERR_INPUT},
                {DECODE_TOO_MANY_PAGES, "too_many_pages", ERR_LIMIT},
                {DECODE_PAGE_TOO_LARGE, "page_too_large", ERR_LIMIT},
                {DECODE_UNSUPPORTED, "unsupported_type", ERR_INPUT},
                {DECODE_TIMEOUT, "timeout", ERR_TIMEOUT}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct err err = {0};
        assert_int_equal(limits_refuse(&limits, want[i].status, &err), -1);
        assert_string_equal(err.code, want[i].code);
        assert_int_equal(err.kind, want[i].kind);
    }
}

/* SOI, APP1 "Exif", a TIFF of one entry: orientation. */
static const uint8_t little[] = {0xFF, 0xD8, 0xFF, 0xE1, 0, 34, 'E', 'x', 'i', 'f',  0,    0, 'I',
                                 'I',  '*',  0,    8,    0, 0,  0,   1,   0,   0x12, 0x01, 3, 0,
                                 1,    0,    0,    0,    6, 0,  0,   0,   0,   0,    0,    0};
static const uint8_t big[] = {0xFF, 0xD8, 0xFF, 0xE1, 0, 34, 'E', 'x', 'i', 'f',  0,    0, 'M',
                              'M',  0,    '*',  0,    0, 0,  8,   0,   1,   0x01, 0x12, 0, 3,
                              0,    0,    0,    1,    0, 8,  0,   0,   0,   0,    0,    0};

/* The tags of `little` in the chunk of a PNG behind its header, and at the end of a WebP. */
#define TAGS 'I', 'I', '*', 0, 8, 0, 0, 0, 1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0
static const uint8_t png[] = {0x89, 'P', 'N', 'G', 13, 10, 26, 10, 0, 0, 0, 2, 'I', 'H', 'D', 'R', 1, 2, 0, 0, 0, 0,
                              0, 0, 0, 26, 'e', 'X', 'I', 'f', TAGS, 0, 0, 0, 0};
static const uint8_t webp[] = {'R', 'I', 'F', 'F', 0, 0, 0, 0, 'W', 'E', 'B', 'P', 'V', 'P', '8', 'L', 3, 0, 0, 0, 1, 2, 3, 0,
                               'E', 'X', 'I', 'F', 32, 0, 0, 0, 'E', 'x', 'i', 'f', 0, 0, TAGS};

static void test_exif_of_png_and_webp_is_found_in_its_chunk(void **state)
{
    (void)state;
    assert_int_equal(exif_orientation(png, sizeof png), 6);
    assert_int_equal(exif_orientation(webp, sizeof webp), 6);
    for (size_t n = 0; n < sizeof png; n++) assert_in_range(exif_orientation(png, n), 1, 8);
    for (size_t n = 0; n < sizeof webp; n++) assert_in_range(exif_orientation(webp, n), 1, 8);
}

static void test_bytes_that_fill_the_room_before_a_marker_are_none(void **state)
{
    (void)state;
    uint8_t filled[sizeof little + 3] = {0xFF, 0xD8, 0xFF, 0xFF, 0xFF};
    memcpy(filled + 5, little + 2, sizeof little - 2);
    assert_int_equal(exif_orientation(filled, sizeof filled), 6);
    for (size_t n = 0; n < sizeof filled; n++) assert_in_range(exif_orientation(filled, n), 1, 8);
}

static void test_exif_orientation_is_read_in_both_byte_orders(void **state)
{
    (void)state;
    assert_int_equal(exif_orientation(little, sizeof little), 6);
    assert_int_equal(exif_orientation(big, sizeof big), 8);
}

static void test_exif_cut_anywhere_is_upright_or_right(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof little; n++) {
        int o = exif_orientation(little, n);
        assert_true(o == 1 || o == 6);
    }
}

static void any_byte_may_be_wrong(const uint8_t *file, size_t len)
{
    uint8_t bytes[80];
    assert_true(len <= sizeof bytes);
    for (size_t at = 0; at < len; at++)
        for (int v = 0; v < 256; v++) {
            memcpy(bytes, file, len);
            bytes[at] = (uint8_t)v;
            assert_in_range(exif_orientation(bytes, len), 1, 8);
        }
}

static void test_exif_of_any_bytes_is_a_number_from_1_to_8(void **state)
{
    (void)state;
    any_byte_may_be_wrong(little, sizeof little);
    any_byte_may_be_wrong(png, sizeof png);
    any_byte_may_be_wrong(webp, sizeof webp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dpi_of_an_ordinary_page_is_as_wanted),
        cmocka_unit_test(test_dpi_of_a_poster_is_what_fits_forty_megapixels),
        cmocka_unit_test(test_what_the_child_allocates_is_a_part_of_its_memory),
        cmocka_unit_test(test_dpi_of_a_page_that_makes_no_sense_is_none),
        cmocka_unit_test(test_jpeg_is_scaled_while_decoding_until_it_fits),
        cmocka_unit_test(test_refusals_bear_the_codes_of_the_outside_interface),
        cmocka_unit_test(test_bytes_that_fill_the_room_before_a_marker_are_none),
        cmocka_unit_test(test_exif_orientation_is_read_in_both_byte_orders),
        cmocka_unit_test(test_exif_of_png_and_webp_is_found_in_its_chunk),
        cmocka_unit_test(test_exif_cut_anywhere_is_upright_or_right),
        cmocka_unit_test(test_exif_of_any_bytes_is_a_number_from_1_to_8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
