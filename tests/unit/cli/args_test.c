#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/args.h"

static const struct command command = {"try", "FILE...", "A test.", NULL};

struct given {
    bool flag;
    const char *text;
    struct option_list list;
};

static int parse(struct given *g, struct cli *cli, int least, int most, enum cli_exit *code, char **argv)
{
    const struct option options[] = {
        {"--flag", OPT_FLAG, &g->flag, NULL, "a flag"},
        {"--text", OPT_TEXT, &g->text, "T", "a text"},
        {"--list", OPT_LIST, &g->list, "L", "several"},
    };
    int argc = 0;
    while (argv[argc]) argc++;
    *cli = (struct cli){.command = &command};
    return args_parse(cli, argc, argv, options, 3, least, most, code);
}

#define ARGV(...) ((char **)(const char *[]){__VA_ARGS__, NULL})

/* What is said to people goes nowhere while a test runs. */
static int silence(void **state)
{
    int null = open("/dev/null", O_WRONLY);
    (void)state;
    return dup2(null, STDERR_FILENO) == -1;
}

static void test_options_stand_anywhere_and_operands_keep_their_order(void **state)
{
    struct given g = {0};
    struct cli cli;
    enum cli_exit code;
    char **argv = ARGV("a", "--text", "one", "b", "--flag", "--list=x", "--json", "--list", "y", "-");
    (void)state;
    assert_int_equal(parse(&g, &cli, 0, -1, &code, argv), 3);
    assert_string_equal(argv[0], "a");
    assert_string_equal(argv[1], "b");
    assert_string_equal(argv[2], "-");
    assert_true(g.flag && cli.json);
    assert_string_equal(g.text, "one");
    assert_int_equal(g.list.n, 2);
    assert_string_equal(g.list.items[1], "y");
}

static void test_two_dashes_end_the_options(void **state)
{
    struct given g = {0};
    struct cli cli;
    enum cli_exit code;
    char **argv = ARGV("--", "--flag", "--");
    (void)state;
    assert_int_equal(parse(&g, &cli, 0, -1, &code, argv), 2);
    assert_string_equal(argv[0], "--flag");
    assert_false(g.flag);
}

static void test_an_empty_value_is_a_value(void **state)
{
    struct given g = {0};
    struct cli cli;
    enum cli_exit code;
    (void)state;
    assert_int_equal(parse(&g, &cli, 0, 0, &code, ARGV("--text=")), 0);
    assert_string_equal(g.text, "");
}

static void test_mistakes_are_usage(void **state)
{
    static const char *const bad[][3] = {{"--nope"}, {"--fla"},  {"--flag=1"}, {"--text"},
                                         {"-x"},     {"a", "b"}, {"--="}};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct given g = {0};
        struct cli cli;
        enum cli_exit code = CLI_OK;
        char *argv[3] = {0};
        memcpy(argv, bad[i], sizeof argv);
        assert_int_equal(parse(&g, &cli, 0, 1, &code, argv), -1);
        assert_int_equal(code, CLI_USAGE);
    }
}

static void test_a_list_has_a_limit(void **state)
{
    struct given g = {0};
    struct cli cli;
    enum cli_exit code = CLI_OK;
    const char *argv[OPTION_LIST_MAX + 2] = {0};
    (void)state;
    for (int i = 0; i <= OPTION_LIST_MAX; i++) argv[i] = "--list=x";
    assert_int_equal(parse(&g, &cli, 0, 0, &code, (char **)argv), -1);
    assert_int_equal(code, CLI_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_stand_anywhere_and_operands_keep_their_order),
        cmocka_unit_test(test_two_dashes_end_the_options),
        cmocka_unit_test(test_an_empty_value_is_a_value),
        cmocka_unit_test(test_mistakes_are_usage),
        cmocka_unit_test(test_a_list_has_a_limit),
    };
    return cmocka_run_group_tests(tests, silence, NULL);
}
