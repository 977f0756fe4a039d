#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "lib/netaddr.h"

static bool is_public(const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) return netaddr_is_public((struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return netaddr_is_public((struct sockaddr *)&v6);
}

static void test_addresses_of_the_internet_are_public(void **state)
{
    (void)state;
    static const char *const all[] = {"8.8.8.8",        "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1", "192.0.1.1",
                                      "223.255.255.254", "2606:4700::1",   "2a00:1::1",  "::ffff:8.8.8.8", "64:ff9b::808:808",
                                      "2002:808:808::1", "2001:4860::8888"};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) assert_true(is_public(all[i]));
}

static void test_addresses_of_machines_and_private_networks_are_not(void **state)
{
    (void)state;
    static const char *const all[] = {"0.0.0.0",     "10.1.2.3",      "100.64.0.1",  "127.0.0.1",        "127.255.255.255", "169.254.169.254",
                                      "172.16.0.1",  "172.31.255.255", "192.168.0.1", "192.0.2.1",        "198.18.0.1",      "198.51.100.1",
                                      "203.0.113.9", "224.0.0.1",      "255.255.255.255", "::",           "::1",             "fe80::1",
                                      "fc00::1",     "fd12::1",        "ff02::1",     "2001:db8::1",      "3fff::1",         "2001::1"};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) assert_false(is_public(all[i]));
}

static void test_addresses_in_disguise_are_what_they_hide(void **state)
{
    (void)state;
    static const char *const all[] = {"::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1", "2002:a9fe:a9fe::1", "::127.0.0.1"};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) assert_false(is_public(all[i]));
}

static void test_other_families_are_not(void **state)
{
    (void)state;
    const struct sockaddr local = {.sa_family = AF_UNIX};
    assert_false(netaddr_is_public(&local));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_of_the_internet_are_public),
        cmocka_unit_test(test_addresses_of_machines_and_private_networks_are_not),
        cmocka_unit_test(test_addresses_in_disguise_are_what_they_hide),
        cmocka_unit_test(test_other_families_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
