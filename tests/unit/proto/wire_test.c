#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/wire.h"
#include "proto/wiretext.h"

#define RANDOM_SEED   20261124u
#define RANDOM_ROUNDS 200000

static struct wire_header a_task(void)
{
    return (struct wire_header){.command = WIRE_TASK,
                                .type = "page",
                                .shard = 0xab,
                                .entry = {0x0102030405060708u, 0x1112131415161718u},
                                .token = {0x2122232425262728u, 0x31323334u, 0x41424344u},
                                .job = {0x50, 0x51, 0x52},
                                .index = 0x61626364u,
                                .ms_left = 0x71727374u,
                                .trace = {0x80, 0x81},
                                .room_seq = 0x91929394u,
                                .room = 0x0102};
}

static void test_header_has_every_field_at_the_offset_of_the_protocol(void **state)
{
    (void)state;
    struct wire_header h = a_task();
    uint8_t out[WIRE_HEADER];
    wire_encode(&h, out);
    assert_memory_equal(out, "SHF1\x01\x00\x05\x00page\0\0\0\0\0\0\0\0\xab\0\0\0", 24);
    assert_memory_equal(out + 24, "\x01\x02\x03\x04\x05\x06\x07\x08", 8);
    assert_memory_equal(out + 32, "\x11\x12\x13\x14\x15\x16\x17\x18", 8);
    assert_memory_equal(out + 40, "\x21\x22\x23\x24\x25\x26\x27\x28", 8);
    assert_memory_equal(out + 48, "\x31\x32\x33\x34\x41\x42\x43\x44", 8);
    assert_memory_equal(out + 56, h.job, 16);
    assert_memory_equal(out + 72, "\x61\x62\x63\x64\x71\x72\x73\x74", 8);
    assert_memory_equal(out + 80, h.trace, 16);
    assert_memory_equal(out + 96, "\x91\x92\x93\x94\x01\x02\0\0", 8);
}

static void test_encoded_header_decodes_to_the_same(void **state)
{
    (void)state;
    struct wire_header h = a_task(), back;
    uint8_t out[WIRE_HEADER], again[WIRE_HEADER];
    wire_encode(&h, out);
    assert_int_equal(wire_decode(out, sizeof(out), 0, &back), WIRE_OK);
    assert_int_equal(back.major, WIRE_MAJOR);
    assert_true(wire_same_task(&h, &back));
    wire_encode(&back, again);
    assert_memory_equal(out, again, WIRE_HEADER);
}

static void test_bytes_behind_a_types_nul_never_reach_the_wire(void **state)
{
    (void)state;
    struct wire_header h = {.command = WIRE_CREDIT}, back;
    uint8_t out[WIRE_HEADER];
    memcpy(h.type, "page\0secret!", WIRE_TYPE);
    wire_encode(&h, out);
    assert_int_equal(wire_decode(out, sizeof(out), 0, &back), WIRE_OK);
    assert_memory_equal(out + 8, "page\0\0\0\0\0\0\0\0", WIRE_TYPE);
}

static void test_every_truncation_is_refused_and_leaves_the_header_empty(void **state)
{
    (void)state;
    static const struct wire_header empty;
    struct wire_header h = a_task(), back;
    uint8_t out[WIRE_HEADER];
    wire_encode(&h, out);
    for (size_t len = 0; len < WIRE_HEADER; len++) {
        /* A copy of just that length, so that the sanitizer sees a byte too far. */
        uint8_t *cut = malloc(len ? len : 1);
        assert_non_null(cut);
        memcpy(cut, out, len);
        assert_int_equal(wire_decode(cut, len, 0, &back), WIRE_SHORT);
        assert_memory_equal(&back, &empty, sizeof(back));
        free(cut);
    }
}

static void test_longer_header_is_read_of_a_higher_minor_only(void **state)
{
    (void)state;
    struct wire_header h = a_task(), back;
    uint8_t out[WIRE_HEADER + 8] = {0};
    wire_encode(&h, out);
    assert_int_equal(wire_decode(out, sizeof(out), 0, &back), WIRE_SHORT);
    out[5] = WIRE_MINOR + 1;
    assert_int_equal(wire_decode(out, sizeof(out), 0, &back), WIRE_OK);
    assert_int_equal(back.minor, WIRE_MINOR + 1);
    assert_int_equal(back.room, h.room);
}

static void test_another_major_is_named_even_when_the_rest_is_short(void **state)
{
    (void)state;
    struct wire_header back;
    assert_int_equal(wire_decode((const uint8_t *)"SHF1\x07\x03", 6, 0, &back), WIRE_BAD_MAJOR);
    assert_int_equal(back.major, 7);
    assert_int_equal(back.minor, 3);
    assert_int_equal(back.command, 0);
}

static void test_reserved_bytes_are_ignored(void **state)
{
    (void)state;
    struct wire_header h = a_task(), back;
    uint8_t out[WIRE_HEADER];
    wire_encode(&h, out);
    out[21] = out[22] = out[23] = out[102] = out[103] = 0xff;
    assert_int_equal(wire_decode(out, sizeof(out), 0, &back), WIRE_OK);
}

static void test_body_may_have_16384_bytes_and_not_one_more(void **state)
{
    (void)state;
    struct wire_header h = a_task(), back;
    uint8_t out[WIRE_HEADER];
    wire_encode(&h, out);
    assert_int_equal(wire_decode(out, sizeof(out), WIRE_BODY_MAX, &back), WIRE_OK);
    assert_int_equal(wire_decode(out, sizeof(out), WIRE_BODY_MAX + 1, &back), WIRE_BODY_TOO_LONG);
}

static void test_each_command_takes_its_own_statuses_only(void **state)
{
    (void)state;
    for (int command = 0; command < 256; command++) {
        for (int status = 0; status < 256; status++) {
            struct wire_header h = {.command = (uint8_t)command, .status = (uint8_t)status, .type = "page"},
                               back;
            uint8_t out[WIRE_HEADER];
            wire_encode(&h, out);
            int max = command == WIRE_RESULT                                  ? 4
                      : command == WIRE_RESULT_ACK || command == WIRE_WELCOME ? 2
                                                                              : 0;
            enum wire_problem expected = WIRE_OK;
            if (command == 0 || command > WIRE_BYE)
                expected = WIRE_BAD_COMMAND;
            else if (status > max || (max && status == 0))
                expected = WIRE_BAD_STATUS;
            assert_int_equal(wire_decode(out, sizeof(out), 0, &back), expected);
        }
    }
}

static void test_random_bytes_give_a_message_or_a_reason(void **state)
{
    (void)state;
    struct wire_header h = a_task(), back;
    uint8_t good[WIRE_HEADER];
    int fine = 0;
    wire_encode(&h, good);
    srand(RANDOM_SEED);
    for (int round = 0; round < RANDOM_ROUNDS; round++) {
        size_t len = (size_t)rand() % (WIRE_HEADER + 16);
        uint8_t *data = malloc(len ? len : 1);
        assert_non_null(data);
        for (size_t i = 0; i < len; i++) data[i] = (uint8_t)rand();
        /* Half of them are nearly right, or the magic would stop them all. */
        if (round % 2) {
            memcpy(data, good, len < WIRE_HEADER ? len : WIRE_HEADER);
            for (int flips = rand() % 4; flips > 0 && len; flips--)
                data[(size_t)rand() % len] = (uint8_t)rand();
        }
        enum wire_problem problem = wire_decode(data, len, (size_t)rand() % (2 * WIRE_BODY_MAX), &back);
        if (problem == WIRE_OK) {
            fine++;
            assert_in_range(back.command, 1, WIRE_COMMANDS - 1);
            assert_in_range(back.room, 0, WIRE_ROOM_MAX);
            assert_true(strnlen(back.type, WIRE_TYPE) < WIRE_TYPE);
        } else {
            assert_int_equal(back.command, 0);
            assert_non_null(wire_problem_text(problem));
        }
        free(data);
    }
    print_message("seed %u: %d of %d were messages\n", RANDOM_SEED, fine, RANDOM_ROUNDS);
    assert_true(fine > 0);
}

static void test_same_task_is_type_shard_and_entry_whatever_the_token(void **state)
{
    (void)state;
    struct wire_header a = a_task(), b = a_task();
    b.token.delivery++;
    b.index = 0;
    assert_true(wire_same_task(&a, &b));
    b.shard++;
    assert_false(wire_same_task(&a, &b));
    b = a_task();
    b.entry.seq++;
    assert_false(wire_same_task(&a, &b));
    b = a_task();
    strcpy(b.type, "split");
    assert_false(wire_same_task(&a, &b));
}

static void test_names_are_total(void **state)
{
    (void)state;
    assert_string_equal(wire_command_name(WIRE_HANDED_BACK), "HANDED_BACK");
    assert_string_equal(wire_command_name((enum wire_command)0), "?");
    assert_string_equal(wire_command_name((enum wire_command)200), "?");
    assert_string_equal(wire_outcome_name(OUTCOME_REFUSED), "refused");
    assert_string_equal(wire_outcome_name((enum wire_outcome)99), "?");
    assert_non_null(wire_problem_text((enum wire_problem)99));
}

/* Every message has a golden frame: one that has none here is one that nobody can check against. */
static void test_every_command_has_a_golden_vector(void **state)
{
    (void)state;
    static const char *const names[] = {"hello",
                                        "welcome",
                                        "who",
                                        "credit",
                                        "task",
                                        "result_done",
                                        "result_ack_accepted",
                                        "progress",
                                        "handed_back",
                                        "heartbeat_worker",
                                        "cancel",
                                        "drain",
                                        "bye"};
    static struct wiretext_message m;
    static char text[65536];
    for (int command = 1; command < WIRE_COMMANDS; command++) {
        char path[128];
        snprintf(path, sizeof(path), "proto/vectors/%s.hex", names[command - 1]);
        FILE *in = fopen(path, "r");
        assert_non_null(in);
        text[fread(text, 1, sizeof(text) - 1, in)] = '\0';
        fclose(in);

        const char *at = text;
        int line = 0;
        struct wire_header h;
        assert_int_equal(wiretext_from_hex(&at, &m, &line), 1);
        assert_int_equal(wire_decode(m.frame[0], m.len[0], m.n_frames > 1 ? m.len[1] : 0, &h), WIRE_OK);
        assert_int_equal(h.command, command);

        uint8_t again[WIRE_HEADER];
        wire_encode(&h, again);
        assert_memory_equal(again, m.frame[0], WIRE_HEADER);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_has_every_field_at_the_offset_of_the_protocol),
        cmocka_unit_test(test_encoded_header_decodes_to_the_same),
        cmocka_unit_test(test_bytes_behind_a_types_nul_never_reach_the_wire),
        cmocka_unit_test(test_every_truncation_is_refused_and_leaves_the_header_empty),
        cmocka_unit_test(test_longer_header_is_read_of_a_higher_minor_only),
        cmocka_unit_test(test_another_major_is_named_even_when_the_rest_is_short),
        cmocka_unit_test(test_reserved_bytes_are_ignored),
        cmocka_unit_test(test_body_may_have_16384_bytes_and_not_one_more),
        cmocka_unit_test(test_each_command_takes_its_own_statuses_only),
        cmocka_unit_test(test_random_bytes_give_a_message_or_a_reason),
        cmocka_unit_test(test_same_task_is_type_shard_and_entry_whatever_the_token),
        cmocka_unit_test(test_names_are_total),
        cmocka_unit_test(test_every_command_has_a_golden_vector),
    };
    return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
