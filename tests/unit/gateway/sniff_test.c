#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/sniff.h"

#define IS(type, bytes) assert_int_equal(sniff(bytes, sizeof(bytes) - 1), type)

static void test_types_are_known_by_their_first_bytes(void **state)
{
    (void)state;
    IS(SNIFF_PDF, "%PDF-1.7\n%abc");
    IS(SNIFF_PNG, "\x89PNG\r\n\x1a\n....");
    IS(SNIFF_JPEG, "\xff\xd8\xff\xe0..JFIF");
    IS(SNIFF_TIFF, "II*\0........");
    IS(SNIFF_TIFF, "MM\0*........");
    IS(SNIFF_TIFF, "II+\0........");
    IS(SNIFF_WEBP, "RIFF....WEBPVP8 ");
    IS(SNIFF_HEIC, "\0\0\0\x18"
                   "ftypheic....mif1heic");
    IS(SNIFF_HEIC, "\0\0\0\x18"
                   "ftypmif1....miafheic");
    IS(SNIFF_DOC, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1....");
    IS(SNIFF_DOCX, "PK\x03\x04....[Content_Types].xml....word/document.xml");
}

static void test_a_pdf_may_begin_within_the_first_kilobyte(void **state)
{
    char bytes[1100];
    (void)state;
    memset(bytes, ' ', sizeof bytes);
    memcpy(bytes + 1024, "%PDF-", 5);
    assert_int_equal(sniff(bytes, sizeof bytes), SNIFF_PDF);
    memset(bytes, ' ', sizeof bytes);
    memcpy(bytes + 1025, "%PDF-", 5);
    assert_int_equal(sniff(bytes, sizeof bytes), SNIFF_UNKNOWN);
}

static void test_what_is_cut_short_or_of_another_kind_is_unknown(void **state)
{
    (void)state;
    IS(SNIFF_UNKNOWN, "");
    IS(SNIFF_UNKNOWN, "%PDF");
    IS(SNIFF_UNKNOWN, "hello, I am called essay.pdf");
    IS(SNIFF_UNKNOWN, "\x89PNG");
    IS(SNIFF_UNKNOWN, "II*");
    IS(SNIFF_UNKNOWN, "RIFF....WAVEfmt ");
    IS(SNIFF_UNKNOWN, "\0\0\0\x18"
                      "ftyp");
    IS(SNIFF_UNKNOWN, "\0\0\0\x18"
                      "ftypisom....mp41avc1");
    IS(SNIFF_UNKNOWN, "\0\0\0\x18"
                      "ftypavif....mif1avif");
    IS(SNIFF_UNKNOWN, "PK\x03\x04....xl/workbook.xml");
    IS(SNIFF_UNKNOWN, "<!doctype html><title>x</title>");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types_are_known_by_their_first_bytes),
        cmocka_unit_test(test_a_pdf_may_begin_within_the_first_kilobyte),
        cmocka_unit_test(test_what_is_cut_short_or_of_another_kind_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
