/* wiretext: messages as people read and write them, for wirecat and the tests.  Not used by services.
 *
 * As JSON, one object a message; what is zero is left out:
 *   {"command":"TASK","type":"page","shard":0,"entry":"1790000000000-0","token":"1790000000000000.1.1",
 *    "job":"<uuid>","index":3,"ms_left":120000,"body":{…}}
 * As hex, a text file: one paragraph a frame (header, then body if any), blank lines between, "---" between messages,
 * "#" begins a comment, "xx*n" repeats a byte.  One thread; pure but for memory.
 */
#ifndef SHEAF_PROTO_WIRETEXT_H
#define SHEAF_PROTO_WIRETEXT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include "proto/wire.h"

/* Frames as they came; wide enough for what is too long to be right. */
#define WIRETEXT_FRAMES_MAX 3
#define WIRETEXT_FRAME_MAX  (2 * WIRE_BODY_MAX)
struct wiretext_message {
    int n_frames;
    size_t len[WIRETEXT_FRAMES_MAX];
    uint8_t frame[WIRETEXT_FRAMES_MAX][WIRETEXT_FRAME_MAX];
};

/* Reads the message at *text and moves *text behind it.  1: one was read; 0: nothing but blanks and comments
 * is left; -1: not hex, or too long (*line counts the lines up to there). */
int wiretext_from_hex(const char **text, struct wiretext_message *m, int *line);

/* The message as JSON, or {"problem":"…"}.  NULL: no memory. The caller's. */
json_t *wiretext_to_json(const struct wiretext_message *m);

/* 0, or -1 with *why (a constant) when the JSON names something that a message does not have. */
int wiretext_from_json(const json_t *json, struct wiretext_message *m, const char **why);

#endif
