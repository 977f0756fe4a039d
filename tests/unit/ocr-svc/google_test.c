/* Google Vision, the pure half: credentials, the token's request, every error of both number spaces, and an answer's
 * words in our page. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/auto.h"
#include "lib/base64.h"
#include "ocr-svc/providers/google.h"

static EVP_PKEY *key_pair;
static char *pem; /* of this run only */

static int set_up(void **state)
{
    (void)state;
    char *data;
    BIO *bio = BIO_new(BIO_s_mem());
    key_pair = EVP_RSA_gen(2048);
    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key_pair, NULL, NULL, 0, NULL, NULL), 1);
    long len = BIO_get_mem_data(bio, &data);
    pem = strndup(data, (size_t)len);
    BIO_free(bio);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    EVP_PKEY_free(key_pair);
    free(pem);
    return 0;
}

static char *account(const char *private_key)
{
    json_t *json = json_pack("{s:s,s:s,s:s,s:s,s:s}", "type", "service_account", "client_email", "reader@made-up.test",
                             "private_key_id", "k1", "private_key", private_key, "token_uri", "http://127.0.0.1:1/token");
    char *text = json_dumps(json, 0);
    json_decref(json);
    return text;
}

/* ---- credentials ------------------------------------------------------------------------------------ */

static void test_the_three_variables_are_looked_at_in_their_order_and_a_key_before_them(void **state)
{
    (void)state;
    AUTO_FREE char *json = account(pem);
    struct buf b64 = BUF_INIT;
    struct google_key key;
    struct err err = {0};
    base64_add(&b64, json, strlen(json));
    struct settings s = {.google_creds_b64 = b64.data, .google_creds_path = (char *)"/nowhere", .google_creds_json = (char *)"x"};
    assert_int_equal(google_key_load(&s, &key, &err), 0);
    assert_string_equal(key.email, "reader@made-up.test");
    google_key_done(&key);

    s.google_creds_b64 = NULL;
    assert_int_equal(google_key_load(&s, &key, &err), -1);
    assert_non_null(strstr(err.text, "GOOGLE_APPLICATION_CREDENTIALS: /nowhere"));

    s.google_creds_path = NULL;
    assert_int_equal(google_key_load(&s, &key, &err), -1);
    assert_non_null(strstr(err.text, "GOOGLE_CLOUD_VISION_CREDENTIALS_JSON is not"));
    s.google_creds_json = json;
    assert_int_equal(google_key_load(&s, &key, &err), 0);
    google_key_done(&key);

    s.google_api_key = (char *)"made-up-key";
    assert_int_equal(google_key_load(&s, &key, &err), 0);
    assert_string_equal(key.api_key, "made-up-key");
    google_key_done(&key);

    assert_int_equal(google_key_load(&(struct settings){0}, &key, &err), -1);
    assert_int_equal(err.kind, ERR_CONFIG);
    buf_done(&b64);
}

static void test_a_value_that_the_shell_cut_says_so(void **state)
{
    (void)state;
    struct google_key key;
    struct err err = {0};
    struct settings s = {.google_creds_json = (char *)"{"};
    assert_int_equal(google_key_load(&s, &key, &err), -1);
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_non_null(strstr(err.text, "a shell cuts an unquoted value at its first line break"));
    s = (struct settings){.google_creds_b64 = (char *)"eyJ0eXBlI"};
    assert_int_equal(google_key_load(&s, &key, &err), -1);
    assert_non_null(strstr(err.text, "was cut"));
    s = (struct settings){.google_creds_b64 = (char *)"eyJ0eXBlIjog"}; /* a whole number of bytes, of half a document */
    assert_int_equal(google_key_load(&s, &key, &err), -1);
    assert_non_null(strstr(err.text, "ends too early"));
}

static void test_line_breaks_that_were_escaped_twice_are_mended(void **state)
{
    (void)state;
    char *twice = calloc(1, 2 * strlen(pem) + 1), *to = twice;
    for (const char *p = pem; *p; p++) {
        if (*p == '\n') *to++ = '\\', *to++ = 'n';
        else *to++ = *p;
    }
    AUTO_FREE char *json = account(twice);
    struct google_key key;
    struct err err = {0};
    assert_int_equal(google_key_parse(json, "X", &key, &err), 0);
    google_key_done(&key);
    free(twice);
}

static void test_what_is_no_service_account_is_told_apart(void **state)
{
    (void)state;
    struct google_key key;
    struct err err = {0};
    AUTO_FREE char *bad_key = account("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    assert_int_equal(google_key_parse("{\"type\":\"authorized_user\"}", "X", &key, &err), -1);
    assert_non_null(strstr(err.text, "service account"));
    assert_int_equal(google_key_parse(bad_key, "X", &key, &err), -1);
    assert_non_null(strstr(err.text, "not an RSA key"));
    assert_null(strstr(err.text, "AAAA"));
}

/* ---- the token -------------------------------------------------------------------------------------- */

static json_t *part_of(const char **at)
{
    size_t len = strcspn(*at, ".");
    struct buf raw = BUF_INIT;
    assert_int_equal(base64_decode(*at, len, &raw), 0);
    json_t *json = json_loadb(raw.data, raw.len, 0, NULL);
    buf_done(&raw);
    *at += len + 1;
    return json;
}

static void test_the_grant_is_signed_for_an_hour_and_its_address(void **state)
{
    (void)state;
    AUTO_FREE char *json = account(pem);
    struct google_key key;
    struct buf body = BUF_INIT, signature = BUF_INIT;
    assert_int_equal(google_key_parse(json, "X", &key, NULL), 0);
    assert_int_equal(google_grant_build(&key, 1795608000, &body, NULL), 0);
    const char *assertion = strstr(body.data, "&assertion=") + strlen("&assertion="), *at = assertion;
    assert_non_null(strstr(body.data, "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&"));
    json_t *head = part_of(&at), *claims = part_of(&at);
    assert_string_equal(json_string_value(json_object_get(head, "alg")), "RS256");
    assert_string_equal(json_string_value(json_object_get(head, "kid")), "k1");
    assert_string_equal(json_string_value(json_object_get(claims, "iss")), "reader@made-up.test");
    assert_string_equal(json_string_value(json_object_get(claims, "aud")), "http://127.0.0.1:1/token");
    assert_string_equal(json_string_value(json_object_get(claims, "scope")), "https://www.googleapis.com/auth/cloud-vision");
    assert_int_equal(json_integer_value(json_object_get(claims, "iat")), 1795608000);
    assert_int_equal(json_integer_value(json_object_get(claims, "exp")), 1795611600);
    assert_int_equal(base64_decode(at, strlen(at), &signature), 0);
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    EVP_DigestVerifyInit(c, NULL, EVP_sha256(), NULL, key_pair);
    assert_int_equal(EVP_DigestVerify(c, (unsigned char *)signature.data, signature.len, (const unsigned char *)assertion,
                                      (size_t)(at - 1 - assertion)),
                     1);
    EVP_MD_CTX_free(c);
    json_decref(head);
    json_decref(claims);
    buf_done(&body);
    buf_done(&signature);
    google_key_done(&key);
}

static int judge_grant(int status, const char *body, struct google_grant *grant, struct err *err)
{
    struct httpc_answer answer = {.status = status};
    *err = (struct err){0};
    buf_puts(&answer.body, body);
    int rc = google_grant_judge(&answer, grant, err);
    httpc_answer_done(&answer);
    return rc;
}

static void test_each_answer_to_a_grant_has_its_class(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body;
        enum err_kind kind;
        const char *text;
    } rows[] = {
        {400, "{\"error\":\"invalid_grant\",\"error_description\":\"x\"}", ERR_CONFIG, "clock"},
        {401, "{\"error\":\"invalid_client\"}", ERR_CONFIG, "refuses"},
        {400, "{\"error\":\"temporarily_unavailable\"}", ERR_UNAVAILABLE, "trouble"},
        {400, "{\"error\":\"internal_failure\"}", ERR_UNAVAILABLE, "trouble"},
        {400, "{\"error\":\"server_error\"}", ERR_UNAVAILABLE, "trouble"},
        {408, "", ERR_UNAVAILABLE, "trouble"},
        {500, "<html>", ERR_UNAVAILABLE, "trouble"},
        {503, "{}", ERR_UNAVAILABLE, "trouble"},
        {504, "", ERR_UNAVAILABLE, "trouble"},
        {429, "{}", ERR_THROTTLED, "pause"},
        {200, "{}", ERR_UNAVAILABLE, "no token"},
        {200, "{\"access_token\":\"a\\r\\nX-Evil: 1\"}", ERR_UNAVAILABLE, "no token"},
    };
    struct google_grant grant = {0};
    struct err err;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(judge_grant(rows[i].status, rows[i].body, &grant, &err), -1);
        if (err.kind != rows[i].kind || !strstr(err.text, rows[i].text)) fail_msg("row %zu: %s", i, err.text);
    }
    assert_int_equal(judge_grant(200, "{\"access_token\":\"t1\",\"expires_in\":3599}", &grant, &err), 0);
    assert_int_equal(grant.lives_s, 3599);
    free(grant.token);
    assert_int_equal(judge_grant(200, "{\"access_token\":\"t1\",\"expires_in\":\"3599\"}", &grant, &err), 0);
    assert_int_equal(grant.lives_s, 3599);
    free(grant.token);
}

/* ---- the call --------------------------------------------------------------------------------------- */

static void test_the_address_takes_an_override_and_a_parent(void **state)
{
    (void)state;
    struct settings s = {.google_base_url = (char *)"https://eu-vision.googleapis.com/"};
    struct buf url = BUF_INIT;
    google_url(&s, &url);
    assert_string_equal(url.data, "https://eu-vision.googleapis.com/v1/images:annotate");
    buf_clear(&url);
    s.google_parent = (char *)"projects/p/locations/eu/";
    google_url(&s, &url);
    assert_string_equal(url.data, "https://eu-vision.googleapis.com/v1/projects/p/locations/eu/images:annotate");
    buf_done(&url);
}

static void test_a_requests_size_is_known_before_it_is_built(void **state)
{
    (void)state;
    char bytes[5000] = {0};
    for (size_t n = 0; n < sizeof bytes; n += 499) {
        struct buf body = BUF_INIT;
        google_request_build(bytes, n, &body);
        assert_true(body.len <= google_request_size(n) && google_request_size(n) - body.len <= 2);
        json_t *json = json_loadb(body.data, body.len, 0, NULL);
        json_t *request = json_array_get(json_object_get(json, "requests"), 0);
        assert_string_equal(
            json_string_value(json_object_get(json_array_get(json_object_get(request, "features"), 0), "type")),
            "DOCUMENT_TEXT_DETECTION");
        json_decref(json);
        buf_done(&body);
    }
    assert_true(google_request_size(7400000) < GOOGLE_REQUEST_MAX && google_request_size(7500000) > GOOGLE_REQUEST_MAX);
}

static int judge(int status, const char *headers, const char *body, json_t **response, struct err *err)
{
    struct httpc_answer answer = {.status = status};
    *err = (struct err){0};
    buf_puts(&answer.body, body);
    buf_puts(&answer.headers, headers);
    int rc = google_judge(&answer, response, err);
    httpc_answer_done(&answer);
    return rc;
}

/* APIS.md 1.6, each row in both shapes: the whole call's word, and one image's number inside a 200. */
static void test_each_error_has_its_class_and_text_in_both_number_spaces(void **state)
{
    (void)state;
    static const struct {
        int number;
        const char *name;
        int status;
        enum err_kind kind;
        const char *text;
    } rows[] = {
        {1, "CANCELLED", 499, ERR_UNAVAILABLE, "broke off"},
        {2, "UNKNOWN", 500, ERR_UNAVAILABLE, "trouble"},
        {3, "INVALID_ARGUMENT", 400, ERR_INPUT, "cannot read this picture"},
        {4, "DEADLINE_EXCEEDED", 504, ERR_UNAVAILABLE, "too long"},
        {5, "NOT_FOUND", 404, ERR_CONFIG, "SHEAF_GOOGLE_BASE_URL"},
        {6, "ALREADY_EXISTS", 409, ERR_INPUT, "refused"},
        {7, "PERMISSION_DENIED", 403, ERR_CONFIG, "enable the Vision API, check billing"},
        {8, "RESOURCE_EXHAUSTED", 429, ERR_THROTTLED, "quota"},
        {9, "FAILED_PRECONDITION", 400, ERR_CONFIG, "billing"},
        {10, "ABORTED", 409, ERR_UNAVAILABLE, "broke off"},
        {11, "OUT_OF_RANGE", 400, ERR_INPUT, "cannot read"},
        {12, "UNIMPLEMENTED", 501, ERR_CONFIG, "does not offer"},
        {13, "INTERNAL", 500, ERR_UNAVAILABLE, "trouble"},
        {14, "UNAVAILABLE", 503, ERR_UNAVAILABLE, "cannot be reached"},
        {15, "DATA_LOSS", 500, ERR_INPUT, "whole picture"},
        {16, "UNAUTHENTICATED", 401, ERR_CONFIG, "make a new key"},
    };
    struct err err;
    char body[256];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        json_t *response = NULL;
        (void)snprintf(body, sizeof body, "{\"error\":{\"code\":%d,\"message\":\"secret words\",\"status\":\"%s\"}}",
                       rows[i].status, rows[i].name);
        assert_int_equal(judge(rows[i].status, "", body, &response, &err), -1);
        if (err.kind != rows[i].kind || !strstr(err.text, rows[i].text)) fail_msg("%s: %s", rows[i].name, err.text);
        assert_int_equal(err.sys, rows[i].status);
        assert_null(strstr(err.text, "secret"));
        (void)snprintf(body, sizeof body, "{\"responses\":[{\"error\":{\"code\":%d,\"message\":\"Bad image data.\"}}]}",
                       rows[i].number);
        assert_int_equal(judge(200, "", body, &response, &err), -1);
        if (err.kind != rows[i].kind) fail_msg("%d: %s", rows[i].number, err.text);
        assert_int_equal(err.sys, rows[i].status);
        if (err.kind == ERR_CONFIG || err.kind == ERR_INPUT) assert_string_equal(err.code, "provider_refused");
        assert_null(response);
    }
}

static void test_other_answers_have_their_class(void **state)
{
    (void)state;
    json_t *response = NULL;
    struct err err;
    assert_int_equal(judge(400, "", "{\"error\":{\"code\":400,\"status\":\"INVALID_ARGUMENT\",\"details\":"
                                    "[{\"reason\":\"API_KEY_INVALID\"}]}}", &response, &err), -1);
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_non_null(strstr(err.text, "SHEAF_GOOGLE_API_KEY"));
    assert_int_equal(judge(429, "Retry-After: 12\n", "{\"error\":{\"status\":\"RESOURCE_EXHAUSTED\"}}", &response, &err), -1);
    assert_int_equal(err.retry_after_ms, 12000);
    assert_int_equal(judge(413, "", "<html>too large</html>", &response, &err), -1);
    assert_int_equal(err.kind, ERR_LIMIT);
    assert_string_equal(err.code, "page_too_large");
    assert_int_equal(judge(502, "", "<html>bad gateway</html>", &response, &err), -1);
    assert_int_equal(err.kind, ERR_UNAVAILABLE);
    assert_int_equal(judge(200, "", "half an ans", &response, &err), -1);
    assert_int_equal(err.kind, ERR_UNAVAILABLE);
    static const char *const nonsense[] = {"[1]", "{}", "{\"responses\":[]}", "{\"responses\":[7]}", "{\"responses\":{}}"};
    for (size_t i = 0; i < COUNT_OF(nonsense); i++) {
        assert_int_equal(judge(200, "", nonsense[i], &response, &err), -1);
        assert_int_equal(err.kind, ERR_UNAVAILABLE);
        assert_null(response);
    }
    assert_int_equal(judge(200, "", "{\"responses\":[{}]}", &response, &err), 0);
    assert_non_null(response);
    json_decref(response);
}

/* ---- the page --------------------------------------------------------------------------------------- */

static char *words_of(const char *json, struct page *page)
{
    json_t *response = json_loads(json, 0, NULL);
    struct err err = {0};
    struct buf out = BUF_INIT;
    assert_non_null(response);
    page_init(page, 1);
    page->width = 612;
    page->height = 792;
    page->pixel_width = 100;
    page->pixel_height = 40;
    if (google_page_read(response, 100, 40, page, &err) == -1) fail_msg("%s", err.text);
    json_decref(response);
    buf_puts(&out, "");
    for (size_t i = 0; i < page->n_words; i++)
        buf_printf(&out, "%s%s", i ? "|" : "", page_word_text(page, &page->words[i]));
    return buf_take(&out, NULL);
}

#define DOCUMENT(words) "{\"fullTextAnnotation\":{\"pages\":[{\"width\":100,\"height\":40,\"blocks\":[{\"paragraphs\":[{\"words\":[" words "]}]}]}]}}"
#define WORD(box, symbols) "{\"confidence\":0.9,\"boundingBox\":{\"vertices\":" box "},\"symbols\":[" symbols "]}"
#define SYM(t)             "{\"text\":\"" t "\"}"
#define SYM_BREAK(t, kind) "{\"text\":\"" t "\",\"property\":{\"detectedBreak\":{\"type\":\"" kind "\"}}}"
#define SYM_BEFORE(t) "{\"text\":\"" t "\",\"property\":{\"detectedBreak\":{\"type\":\"SPACE\",\"isPrefix\":true}}}"
#define BOX "[{\"x\":10,\"y\":8},{\"x\":50,\"y\":8},{\"x\":50,\"y\":20},{\"x\":10,\"y\":20}]"

static void test_symbols_are_put_together_up_to_the_next_break(void **state)
{
    (void)state;
    static const struct {
        const char *json, *words;
    } rows[] = {
        {DOCUMENT(WORD(BOX, SYM("H") "," SYM_BREAK("i", "SPACE")) "," WORD(BOX, SYM_BREAK("5", "LINE_BREAK"))), "Hi|5"},
        {DOCUMENT(WORD(BOX, SYM("a")) "," WORD(BOX, SYM("@")) "," WORD(BOX, SYM_BREAK("b", "EOL_SURE_SPACE"))), "a@b"},
        {DOCUMENT(WORD(BOX, SYM("N")) "," WORD(BOX, SYM_BREAK(":", "SURE_SPACE")) "," WORD(BOX, SYM("x"))), "N:|x"},
        {DOCUMENT(WORD(BOX, SYM("o") "," SYM_BREAK("n", "HYPHEN")) "," WORD(BOX, SYM("e"))), "on-|e"},
        {DOCUMENT(WORD(BOX, SYM("a")) "," WORD(BOX, SYM_BEFORE("b"))), "a|b"},
        {DOCUMENT(WORD(BOX, SYM_BREAK("a", "UNKNOWN")) "," WORD(BOX, SYM("b"))), "ab"},
        {"{}", ""},
        {"{\"fullTextAnnotation\":{}}", ""},
        {DOCUMENT(WORD(BOX, "")), ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct page page;
        AUTO_FREE char *words = words_of(rows[i].json, &page);
        if (strcmp(words, rows[i].words) != 0) fail_msg("row %zu: %s", i, words);
        page_done(&page);
    }
}

static void test_boxes_are_read_from_pixels_and_shares_with_zeros_left_out_and_beyond_the_edge(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        struct page_box box;
    } rows[] = {
        {DOCUMENT(WORD(BOX, SYM("a"))), {1000, 2000, 5000, 5000}},
        {DOCUMENT(WORD("[{},{\"x\":50},{\"x\":50,\"y\":20},{\"y\":20}]", SYM("a"))), {0, 0, 5000, 5000}},
        {DOCUMENT(WORD("[{\"x\":-9,\"y\":-3},{\"x\":150},{\"x\":150,\"y\":90},{\"x\":-9,\"y\":90}]", SYM("a"))),
         {0, 0, 10000, 10000}},
        {DOCUMENT("{\"boundingBox\":{\"normalizedVertices\":[{\"x\":0.25,\"y\":0.5},{\"x\":0.75,\"y\":0.5},{\"x\":0.75,"
                  "\"y\":0.625},{\"x\":0.25,\"y\":0.625}]},\"symbols\":[" SYM("a") "]}"),
         {2500, 5000, 7500, 6250}},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct page page;
        AUTO_FREE char *words = words_of(rows[i].json, &page);
        assert_int_equal(page.n_words, 1);
        if (memcmp(&page.words[0].box, &rows[i].box, sizeof rows[i].box) != 0)
            fail_msg("row %zu: %d %d %d %d", i, page.words[0].box.left, page.words[0].box.top, page.words[0].box.right,
                     page.words[0].box.bottom);
        page_done(&page);
    }
}

static void test_text_that_runs_another_way_turns_the_page_upright(void **state)
{
    (void)state;
    /* Read downwards: the picture was turned clockwise, and goes back by 270. */
    static const struct {
        const char *box;
        int rotation;
        struct page_box at;
    } rows[] = {
        {"[{\"x\":10,\"y\":8},{\"x\":50,\"y\":8},{\"x\":50,\"y\":20},{\"x\":10,\"y\":20}]", 0, {1000, 2000, 5000, 5000}},
        {"[{\"x\":50,\"y\":8},{\"x\":50,\"y\":20},{\"x\":10,\"y\":20},{\"x\":10,\"y\":8}]", 270, {2000, 5000, 5000, 9000}},
        {"[{\"x\":50,\"y\":20},{\"x\":10,\"y\":20},{\"x\":10,\"y\":8},{\"x\":50,\"y\":8}]", 180, {5000, 5000, 9000, 8000}},
        {"[{\"x\":10,\"y\":20},{\"x\":10,\"y\":8},{\"x\":50,\"y\":8},{\"x\":50,\"y\":20}]", 90, {5000, 1000, 8000, 5000}},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct page page;
        char json[512];
        (void)snprintf(json, sizeof json, DOCUMENT(WORD("%s", SYM("a"))), rows[i].box);
        AUTO_FREE char *words = words_of(json, &page);
        assert_int_equal(page.rotation, rows[i].rotation);
        assert_int_equal(page.width, rows[i].rotation % 180 ? 792 : 612);
        assert_int_equal(page.pixel_width, rows[i].rotation % 180 ? 40 : 100);
        if (memcmp(&page.words[0].box, &rows[i].at, sizeof rows[i].at) != 0)
            fail_msg("row %zu: %d %d %d %d", i, page.words[0].box.left, page.words[0].box.top, page.words[0].box.right,
                     page.words[0].box.bottom);
        page_done(&page);
    }
}

static void test_a_confidence_that_is_left_out_is_the_paragraphs_or_unknown_but_not_zero(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        float confidence;
    } rows[] = {
        {DOCUMENT(WORD(BOX, SYM("a"))), 0.9f},
        {"{\"fullTextAnnotation\":{\"pages\":[{\"blocks\":[{\"paragraphs\":[{\"confidence\":0.8,\"words\":[{\"symbols\":[" SYM("a") "]}]}]}]}]}}",
         0.8f},
        {"{\"fullTextAnnotation\":{\"pages\":[{\"blocks\":[{\"paragraphs\":[{\"words\":[{\"symbols\":[" SYM("a") "]}]}]}]}]}}",
         0.75f},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct page page;
        AUTO_FREE char *words = words_of(rows[i].json, &page);
        assert_int_equal(page.n_words, 1);
        assert_float_equal(page.words[0].confidence, rows[i].confidence, 0.001);
        page_done(&page);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_three_variables_are_looked_at_in_their_order_and_a_key_before_them),
        cmocka_unit_test(test_a_value_that_the_shell_cut_says_so),
        cmocka_unit_test(test_line_breaks_that_were_escaped_twice_are_mended),
        cmocka_unit_test(test_what_is_no_service_account_is_told_apart),
        cmocka_unit_test(test_the_grant_is_signed_for_an_hour_and_its_address),
        cmocka_unit_test(test_each_answer_to_a_grant_has_its_class),
        cmocka_unit_test(test_the_address_takes_an_override_and_a_parent),
        cmocka_unit_test(test_a_requests_size_is_known_before_it_is_built),
        cmocka_unit_test(test_each_error_has_its_class_and_text_in_both_number_spaces),
        cmocka_unit_test(test_other_answers_have_their_class),
        cmocka_unit_test(test_symbols_are_put_together_up_to_the_next_break),
        cmocka_unit_test(test_boxes_are_read_from_pixels_and_shares_with_zeros_left_out_and_beyond_the_edge),
        cmocka_unit_test(test_text_that_runs_another_way_turns_the_page_upright),
        cmocka_unit_test(test_a_confidence_that_is_left_out_is_the_paragraphs_or_unknown_but_not_zero),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
