/* ocr-svc/office: what a Word document is, and what becomes of one when LibreOffice does its work, hangs, dies or writes
 * rubbish.  Scripts stand in for it here; tests/system/test_office.py asks the real one. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <uchar.h>
#include <unistd.h>
#include "lib/clock.h"
#include "ocr-svc/office.h"

/* ---- what a document is --------------------------------------------------------------------------- */

#define OLE "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

/* An OLE container as far as anybody looks: its mark, a main stream's header, a name in its directory. */
static enum office_kind judged(const char *header, size_t header_len, const char16_t *name, size_t name_len)
{
    uint8_t bytes[2048] = OLE;
    memcpy(bytes + 512, header, header_len);
    memcpy(bytes + 1024, name, name_len);
    return office_judge(bytes, sizeof bytes);
}
#define JUDGED(header, name) judged(header, sizeof(header) - 1, name, sizeof(name))

static void test_word_documents_are_known_by_their_content(void **state)
{
    (void)state;
    static const char zip[] = "PK\x03\x04....[Content_Types].xml....word/document.xml";
    assert_int_equal(office_judge(zip, sizeof zip), OFFICE_DOCX);
    assert_int_equal(JUDGED("\xec\xa5\xc1\x00........", u"WordDocument"), OFFICE_DOC);
    assert_int_equal(office_judge("%PDF-1.7", 8), OFFICE_NONE);
    assert_int_equal(office_judge("", 0), OFFICE_NONE);
    assert_int_equal(office_judge("PK", 2), OFFICE_NONE);
}

static void test_tables_and_archives_are_no_word_documents(void **state)
{
    (void)state;
    static const char zip[] = "PK\x03\x04....xl/workbook.xml";
    assert_int_equal(office_judge(zip, sizeof zip), OFFICE_OTHER);
    assert_int_equal(JUDGED("", u"Workbook"), OFFICE_OTHER);
}

static void test_a_password_is_seen_before_anything_is_started(void **state)
{
    (void)state;
    assert_int_equal(JUDGED("", u"EncryptedPackage"), OFFICE_LOCKED);
    assert_int_equal(JUDGED("\xec\xa5\xc1\x00......\x00\x13", u"WordDocument"), OFFICE_LOCKED);
    assert_int_equal(JUDGED("\xec\xa5\xc1\x00......\x00\x12", u"WordDocument"), OFFICE_DOC);
}

/* ---- a stand-in ----------------------------------------------------------------------------------- */

struct bench {
    char top[64], script[80];
    struct office office;
};

static int bench_new(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    snprintf(b->top, sizeof b->top, "/tmp/office-test-XXXXXX");
    assert_non_null(mkdtemp(b->top));
    snprintf(b->script, sizeof b->script, "%s/soffice", b->top);
    b->office = (struct office){.data_bytes = (int64_t)512 << 20, .cpu_seconds = 10, .wall_ms = 20000};
    snprintf(b->office.program, sizeof b->office.program, "%s", b->script);
    snprintf(b->office.folder, sizeof b->office.folder, "%s/var/office", b->top);
    *state = b;
    return 0;
}

static int bench_done(void **state)
{
    struct bench *b = *state;
    char command[120];
    snprintf(command, sizeof command, "rm -rf %s", b->top);
    assert_int_equal(system(command), 0);
    free(b);
    return 0;
}

static int document(void)
{
    static const char bytes[] = "PK\x03\x04....word/document.xml, and the rest";
    int fd = memfd_create("document", MFD_CLOEXEC);
    assert_int_equal(write(fd, bytes, sizeof bytes), (ssize_t)sizeof bytes);
    return fd;
}

static bool always(const void *of)
{
    (void)of;
    return true;
}

/* LibreOffice is `script` for this one document. */
static int converted(struct bench *b, const char *script, bool unwanted, int *pdf, struct err *err)
{
    struct ocr_wait wait = {.deadline_ms = clock_ms() + 60000, .cancelled = unwanted ? always : NULL};
    FILE *f = fopen(b->script, "w");
    assert_non_null(f);
    fprintf(f, "#!/bin/bash\n%s\n", script);
    fchmod(fileno(f), 0700);
    fclose(f);
    int fd = document(), result = office_to_pdf(&b->office, fd, &wait, pdf, err);
    close(fd);
    return result;
}

static void assert_fails(struct bench *b, const char *script, enum err_kind kind, const char *code)
{
    struct err err = {0};
    int pdf = -1;
    assert_int_equal(converted(b, script, false, &pdf, &err), -1);
    assert_int_equal(err.kind, kind);
    assert_string_equal(err.code, code);
    assert_int_equal(pdf, -1);
}

/* Nothing of a conversion is left: no file, and no process of ours. */
static void assert_clean(const struct bench *b)
{
    int n = 0;
    DIR *d = opendir(b->office.folder);
    for (struct dirent *e; d && (e = readdir(d));) n += e->d_name[0] != '.';
    if (d) closedir(d);
    assert_int_equal(n, 0);
    FILE *f = fopen("/proc/thread-self/children", "r");
    int pid;
    if (f) assert_true(fscanf(f, "%d", &pid) != 1);
    if (f) fclose(f);
}

#define MAKES_A_PDF "mkdir out && echo '%PDF-1.4 made' >out/document.pdf\n"

static void test_document_becomes_what_libreoffice_made_of_it(void **state)
{
    struct bench *b = *state;
    char text[64] = "";
    int pdf = -1;
    assert_int_equal(converted(b, "mkdir out && { echo -n '%PDF-1.4 '; tail -c 9 document.docx; } >out/document.pdf", false,
                               &pdf, NULL),
                     0);
    assert_true(read(pdf, text, sizeof text - 1) > 0);
    assert_string_equal(text, "%PDF-1.4 the rest");
    close(pdf);
    assert_clean(b);
}

static void test_it_has_a_profile_of_its_own_that_forbids_macros_and_links(void **state)
{
    struct bench *b = *state;
    int pdf = -1;
    assert_int_equal(converted(b,
                               "p=${1#-env:UserInstallation=file://}/user/registrymodifications.xcu\n"
                               "[ \"$HOME\" = \"$PWD\" ] && grep -q DisableMacrosExecution.*true $p || exit 1\n"
                               "grep -q BlockUntrustedRefererLinks.*true $p || exit 1\n" MAKES_A_PDF,
                               false, &pdf, NULL),
                     0);
    close(pdf);
}

static void test_other_documents_are_left_as_they_are(void **state)
{
    struct bench *b = *state;
    struct ocr_wait wait = {.deadline_ms = clock_ms() + 1000};
    int fd = memfd_create("document", MFD_CLOEXEC), pdf = 0;
    assert_int_equal(write(fd, "%PDF-1.7\n", 9), 9);
    assert_int_equal(office_to_pdf(&b->office, fd, &wait, &pdf, NULL), 0);
    assert_int_equal(pdf, -1);
    close(fd);
}

static void test_without_libreoffice_the_refusal_names_it(void **state)
{
    struct bench *b = *state;
    struct err err = {0};
    int pdf = -1;
    b->office.program[0] = '\0';
    assert_int_equal(converted(b, "", false, &pdf, &err), -1);
    assert_int_equal(err.kind, ERR_INPUT);
    assert_string_equal(err.code, "unsupported_type");
    assert_non_null(strstr(err.text, "LibreOffice"));
}

static void test_no_pdf_a_crash_and_rubbish_are_a_damaged_document(void **state)
{
    struct bench *b = *state;
    assert_fails(b, "exit 0", ERR_INPUT, "damaged");
    assert_fails(b, "kill -SEGV $$", ERR_INPUT, "damaged");
    assert_fails(b, "mkdir out && echo '<html>' >out/document.pdf", ERR_INPUT, "damaged");
    assert_fails(b, "mkdir out && : >out/document.pdf", ERR_INPUT, "damaged");
    assert_fails(b, "mkdir -p out/document.pdf", ERR_INPUT, "damaged");
    assert_clean(b);
}

static void test_a_link_in_place_of_the_pdf_is_not_followed(void **state)
{
    struct bench *b = *state;
    assert_fails(b, "mkdir out && echo %PDF-1.4 >there && ln -s ../there out/document.pdf", ERR_INPUT, "damaged");
}

static void test_hanging_it_is_ended_with_all_that_it_started(void **state)
{
    struct bench *b = *state;
    char path[120], pid[16] = "";
    b->office.wall_ms = 500;
    snprintf(path, sizeof path, "%s/pid", b->top);
    char script[300];
    snprintf(script, sizeof script, "setsid sleep 77 & echo $! >%s\ntrap '' TERM INT\nsleep 77", path);
    assert_fails(b, script, ERR_TIMEOUT, "timeout");
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(pid, sizeof pid, f));
    fclose(f);
    assert_int_equal(kill(atoi(pid), 0), -1);
    assert_clean(b);
}

static void test_processor_time_is_the_documents_own_fault(void **state)
{
    struct bench *b = *state;
    b->office.cpu_seconds = 1;
    assert_fails(b, "while :; do :; done", ERR_LIMIT, "timeout");
    assert_clean(b);
}

static void test_memory_is_limited(void **state)
{
    struct bench *b = *state;
    b->office.data_bytes = (int64_t)64 << 20;
    assert_fails(b, "a=$(head -c 200000000 /dev/zero | tr '\\0' x) && " MAKES_A_PDF, ERR_INPUT, "damaged");
    assert_clean(b);
}

static void test_it_reaches_no_network(void **state)
{
    struct bench *b = *state;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), pdf = -1;
    char script[200];
    assert_int_equal(bind(server, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(server, 1), 0);
    assert_int_equal(getsockname(server, (struct sockaddr *)&at, &len), 0);
    snprintf(script, sizeof script, "exec 9<>/dev/tcp/127.0.0.1/%d && exit\n%s", ntohs(at.sin_port), MAKES_A_PDF);
    assert_int_equal(converted(b, script, false, &pdf, NULL), 0); /* it went on to the line behind */
    assert_int_equal(accept(server, NULL, NULL), -1);
    close(pdf);
    close(server);
}

static void test_nobody_wants_it_any_more(void **state)
{
    struct bench *b = *state;
    struct err err = {0};
    int pdf = -1;
    int64_t began = clock_ms();
    assert_int_equal(converted(b, "sleep 77", true, &pdf, &err), -1);
    assert_int_equal(err.kind, ERR_CANCELLED);
    assert_true(clock_ms() - began < 5000);
    assert_clean(b);
}

static void test_what_dead_keepers_left_is_removed_and_what_living_ones_hold_is_not(void **state)
{
    struct bench *b = *state;
    char path[160];
    const char *const made[] = {"/var", "/var/office", "/var/office/dead", "/var/office/dead/out", "/var/office/alive"};
    for (size_t i = 0; i < 5; i++) {
        snprintf(path, sizeof path, "%s%s", b->top, made[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    int alive = open(path, O_RDONLY | O_DIRECTORY);
    assert_int_equal(flock(alive, LOCK_EX), 0);
    office_sweep(b->office.folder);
    assert_int_equal(access(path, F_OK), 0);
    snprintf(path, sizeof path, "%s/var/office/dead", b->top);
    assert_int_equal(access(path, F_OK), -1);
    close(alive);
}

static void test_a_program_that_is_not_there_is_a_mistake_in_the_settings(void **state)
{
    struct bench *b = *state;
    struct settings settings = {.office = b->script, .var = b->top};
    struct err err = {0};
    assert_int_equal(office_start(&b->office, &settings, &err), -1);
    assert_int_equal(err.kind, ERR_CONFIG);
    settings.office = (char[]){"none"};
    assert_int_equal(office_start(&b->office, &settings, NULL), 0);
    assert_string_equal(b->office.program, "");
}

int main(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], OFFICE_CHILD) == 0) return office_child_main(argc, argv);
#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, bench_new, bench_done)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_word_documents_are_known_by_their_content),
        cmocka_unit_test(test_tables_and_archives_are_no_word_documents),
        cmocka_unit_test(test_a_password_is_seen_before_anything_is_started),
        WITH_BENCH(test_document_becomes_what_libreoffice_made_of_it),
        WITH_BENCH(test_it_has_a_profile_of_its_own_that_forbids_macros_and_links),
        WITH_BENCH(test_other_documents_are_left_as_they_are),
        WITH_BENCH(test_without_libreoffice_the_refusal_names_it),
        WITH_BENCH(test_no_pdf_a_crash_and_rubbish_are_a_damaged_document),
        WITH_BENCH(test_a_link_in_place_of_the_pdf_is_not_followed),
        WITH_BENCH(test_hanging_it_is_ended_with_all_that_it_started),
        WITH_BENCH(test_processor_time_is_the_documents_own_fault),
        WITH_BENCH(test_memory_is_limited),
        WITH_BENCH(test_it_reaches_no_network),
        WITH_BENCH(test_nobody_wants_it_any_more),
        WITH_BENCH(test_what_dead_keepers_left_is_removed_and_what_living_ones_hold_is_not),
        WITH_BENCH(test_a_program_that_is_not_there_is_a_mistake_in_the_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
