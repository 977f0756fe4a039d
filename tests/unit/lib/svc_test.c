#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/svc.h"

static int run_until_stopped(struct svc *svc, struct err *err)
{
    (void)err;
    svc_ready(svc, NULL);
    if (svc_stopping(svc) || strcmp(svc_name(svc), "ocr-svc") != 0) return -1;
    if (svc_settings(svc)->port != 8080 || !strchr(svc_instance(svc), '-')) return -1;
    (void)raise(SIGTERM);
    while (!svc_stopping(svc)) {
        struct pollfd p = {.fd = svc_signal_fd(svc), .events = POLLIN};
        (void)poll(&p, 1, 1000);
        svc_take_signal(svc);
        svc_beat(svc);
    }
    svc_ready(svc, "draining");
    return 0;
}

static int run_misconfigured(struct svc *svc, struct err *err)
{
    (void)svc;
    return err_set(err, ERR_CONFIG, "Redis may evict any key");
}

static int run_unlucky(struct svc *svc, struct err *err)
{
    (void)svc;
    return err_set(err, ERR_UNAVAILABLE, "nobody answers");
}

/* A service in a process of its own, since it changes the signal mask; answers the exit code. */
static int exit_code(int (*run)(struct svc *, struct err *), const char *environment, const char *argument)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        const struct service service = {.name = "ocr-svc", .about = "a test.", .who = W_OCR, .run = run};
        char *argv[] = {(char *)(uintptr_t) "ocr-svc", (char *)(uintptr_t)argument, NULL};
        (void)clearenv();
        (void)putenv((char *)(uintptr_t) "SHEAF_ADMIN_PORT=0");
        if (environment) (void)putenv((char *)(uintptr_t)environment);
        (void)!freopen("/dev/null", "w", stdout);
        (void)!freopen("/dev/null", "w", stderr);
        exit(svc_main(&service, argument ? 2 : 1, argv));
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_sigterm_stops_the_loop_and_the_exit_code_is_0(void **state)
{
    (void)state;
    assert_int_equal(exit_code(run_until_stopped, NULL, NULL), SVC_EXIT_OK);
}

static void test_help_version_and_config_end_without_running(void **state)
{
    (void)state;
    assert_int_equal(exit_code(run_unlucky, NULL, "--help"), SVC_EXIT_OK);
    assert_int_equal(exit_code(run_unlucky, NULL, "--version"), SVC_EXIT_OK);
    assert_int_equal(exit_code(run_unlucky, NULL, "--print-config"), SVC_EXIT_OK);
}

static void test_mistakes_of_the_operator_exit_with_100(void **state)
{
    (void)state;
    assert_int_equal(exit_code(run_until_stopped, NULL, "--verbose"), SVC_EXIT_MISTAKE);
    assert_int_equal(exit_code(run_until_stopped, "SHEAF_LEASE=soon", NULL), SVC_EXIT_MISTAKE);
    assert_int_equal(exit_code(run_until_stopped, "SHEAF_LEASES=1s", NULL), SVC_EXIT_MISTAKE);
    assert_int_equal(exit_code(run_misconfigured, NULL, NULL), SVC_EXIT_MISTAKE);
}

static void test_troubles_of_the_system_exit_with_111(void **state)
{
    (void)state;
    assert_int_equal(exit_code(run_unlucky, NULL, NULL), SVC_EXIT_SYSTEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sigterm_stops_the_loop_and_the_exit_code_is_0),
        cmocka_unit_test(test_help_version_and_config_end_without_running),
        cmocka_unit_test(test_mistakes_of_the_operator_exit_with_100),
        cmocka_unit_test(test_troubles_of_the_system_exit_with_111),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
