#include "proto/wiretext.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What cannot be told from the header alone. */
#define BODY_NOT_OBJECT "the body is not a JSON object"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* Puts the bytes of one line into the frame: 1 it had some, 0 it was blank, -1 it is not hex or too long. */
static int take_line(const char *p, const char *end, uint8_t *frame, size_t *len)
{
    int found = 0;
    while (p < end && *p != '#') {
        if (*p == ' ' || *p == '\t' || *p == '\r') {
            p++;
            continue;
        }
        int high = hex_value(*p), low = p + 1 < end ? hex_value(p[1]) : -1;
        if (high < 0 || low < 0) return -1;
        p += 2;
        unsigned long times = 1;
        if (p < end && *p == '*') {
            char *behind;
            times = strtoul(p + 1, &behind, 10);
            if (behind == p + 1) return -1;
            p = behind;
        }
        if (times > WIRETEXT_FRAME_MAX - *len) return -1;
        memset(frame + *len, high << 4 | low, times);
        *len += times;
        found = 1;
    }
    return found;
}

static bool only_comment(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t')) p++;
    return p < end && *p == '#';
}

int wiretext_from_hex(const char **text, struct wiretext_message *m, int *line)
{
    const char *p = *text;
    bool in_frame = false, ended = false;
    m->n_frames = 0;
    while (*p && !ended) {
        const char *end = strchr(p, '\n');
        const char *next = end ? end + 1 : p + strlen(p);
        if (!end) end = next;
        (*line)++;
        if (strncmp(p, "---", 3) == 0) {
            ended = m->n_frames > 0;
        } else if (!only_comment(p, end)) {
            if (!in_frame && m->n_frames == WIRETEXT_FRAMES_MAX) return -1;
            if (!in_frame) m->len[m->n_frames] = 0;
            int found = take_line(p, end, m->frame[m->n_frames - in_frame], &m->len[m->n_frames - in_frame]);
            if (found < 0) return -1;
            if (found && !in_frame) m->n_frames++;
            in_frame = found;
        }
        p = next;
    }
    *text = p;
    return m->n_frames > 0;
}

static void hex_text(const uint8_t *data, size_t len, char *out)
{
    for (size_t i = 0; i < len; i++) snprintf(out + 2 * i, 3, "%02x", data[i]);
}

static bool all_zero(const void *data, size_t len)
{
    const uint8_t *p = data;
    while (len && *p == 0) p++, len--;
    return len == 0;
}

static void set_number(json_t *o, const char *key, uint64_t v)
{
    if (v) json_object_set_new(o, key, json_integer((json_int_t)v));
}

static const char *status_name(uint8_t command, uint8_t status)
{
    if (command == WIRE_RESULT) return wire_outcome_name(status);
    if (command == WIRE_RESULT_ACK) return status == ACK_ACCEPTED ? "accepted" : "superseded";
    if (command == WIRE_WELCOME) return status == WELCOME_YES ? "yes" : "wrong_major";
    return NULL;
}

static json_t *header_to_json(const struct wire_header *h)
{
    json_t *o = json_object();
    if (!o) return NULL;
    if (h->major != WIRE_MAJOR || h->minor != WIRE_MINOR)
        json_object_set_new(o, "version", json_sprintf("%u.%u", h->major, h->minor));
    json_object_set_new(o, "command", json_string(wire_command_name(h->command)));
    const char *status = status_name(h->command, h->status);
    if (status) json_object_set_new(o, "status", json_string(status));
    if (h->type[0]) json_object_set_new(o, "type", json_string(h->type));
    set_number(o, "shard", h->shard);
    if (h->entry.ms || h->entry.seq) {
        char text[ENTRY_TEXT];
        json_object_set_new(o, "entry", json_string(entry_format(&h->entry, text)));
    }
    if (h->token.run || h->token.attempt || h->token.delivery) {
        char text[TOKEN_TEXT];
        json_object_set_new(o, "token", json_string(token_format(&h->token, text)));
    }
    if (!all_zero(h->job, sizeof(h->job))) {
        char text[ID_TEXT];
        id_from_bytes(h->job, text);
        json_object_set_new(o, "job", json_string(text));
    }
    set_number(o, "index", h->index);
    set_number(o, "ms_left", h->ms_left);
    if (!all_zero(h->trace, sizeof(h->trace))) {
        char text[2 * sizeof(h->trace) + 1];
        hex_text(h->trace, sizeof(h->trace), text);
        json_object_set_new(o, "trace", json_string(text));
    }
    set_number(o, "room_seq", h->room_seq);
    set_number(o, "room", h->room);
    return o;
}

json_t *wiretext_to_json(const struct wiretext_message *m)
{
    struct wire_header h;
    size_t body_len = m->n_frames > 1 ? m->len[1] : 0;
    enum wire_problem problem = wire_decode(m->frame[0], m->n_frames ? m->len[0] : 0, body_len, &h);
    if (problem == WIRE_OK && m->n_frames > 2) problem = WIRE_BAD_FRAMES;
    if (problem == WIRE_BAD_MAJOR)
        return json_pack("{s:s, s:o}", "problem", wire_problem_text(problem), "version",
                         json_sprintf("%u.%u", h.major, h.minor));
    if (problem != WIRE_OK) return json_pack("{s:s}", "problem", wire_problem_text(problem));

    json_t *body = NULL;
    if (body_len) {
        body = json_loadb((const char *)m->frame[1], body_len, 0, NULL);
        if (!json_is_object(body)) {
            json_decref(body);
            return json_pack("{s:s}", "problem", BODY_NOT_OBJECT);
        }
    }
    json_t *o = header_to_json(&h);
    if (o && body) json_object_set(o, "body", body);
    json_decref(body);
    return o;
}

static bool number_of(const json_t *v, uint64_t max, uint64_t *out)
{
    if (!json_is_integer(v) || json_integer_value(v) < 0 || (uint64_t)json_integer_value(v) > max)
        return false;
    *out = (uint64_t)json_integer_value(v);
    return true;
}

static bool command_of(const char *name, struct wire_header *h)
{
    for (int c = 1; name && c < WIRE_COMMANDS; c++) {
        if (strcmp(wire_command_name(c), name) == 0) h->command = (uint8_t)c;
    }
    return h->command != 0;
}

static bool status_of(const char *name, struct wire_header *h)
{
    for (int s = 1; name && s < OUTCOMES; s++) {
        const char *known = status_name(h->command, (uint8_t)s);
        if (known && !h->status && strcmp(known, name) == 0) h->status = (uint8_t)s;
    }
    return h->status != 0;
}

static bool version_of(const char *text, struct wire_header *h)
{
    unsigned major, minor;
    char behind;
    if (!text || sscanf(text, "%3u.%3u%c", &major, &minor, &behind) != 2 || major == 0 || major > 255 ||
        minor > 255)
        return false;
    h->major = (uint8_t)major;
    h->minor = (uint8_t)minor;
    return true;
}

static bool trace_of(const char *text, struct wire_header *h)
{
    if (!text || strlen(text) != 2 * sizeof(h->trace)) return false;
    for (size_t i = 0; i < sizeof(h->trace); i++) {
        int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        h->trace[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* One key of the JSON form into the header; false: not a key, or not a value of it. */
static bool take_key(const char *key, const json_t *v, struct wire_header *h)
{
    const char *text = json_string_value(v);
    uint64_t n = 0;
    bool ok = false;
    if (strcmp(key, "version") == 0) return version_of(text, h);
    if (strcmp(key, "command") == 0) return h->command != 0; /* was taken before the others */
    if (strcmp(key, "status") == 0) return status_of(text, h);
    if (strcmp(key, "entry") == 0) return text && entry_parse(text, &h->entry);
    if (strcmp(key, "token") == 0) return text && token_parse(text, &h->token);
    if (strcmp(key, "trace") == 0) return trace_of(text, h);
    if (strcmp(key, "type") == 0) {
        if (!text || strlen(text) >= WIRE_TYPE) return false;
        strcpy(h->type, text);
        return true;
    }
    if (strcmp(key, "job") == 0) {
        if (!text || !id_valid(text)) return false;
        id_to_bytes(text, h->job);
        return true;
    }
    if (strcmp(key, "shard") == 0 && (ok = number_of(v, UINT8_MAX, &n))) h->shard = (uint8_t)n;
    if (strcmp(key, "index") == 0 && (ok = number_of(v, UINT32_MAX, &n))) h->index = (uint32_t)n;
    if (strcmp(key, "ms_left") == 0 && (ok = number_of(v, UINT32_MAX, &n))) h->ms_left = (uint32_t)n;
    if (strcmp(key, "room_seq") == 0 && (ok = number_of(v, UINT32_MAX, &n))) h->room_seq = (uint32_t)n;
    if (strcmp(key, "room") == 0 && (ok = number_of(v, WIRE_ROOM_MAX, &n))) h->room = (uint16_t)n;
    return ok;
}

static int take_body(const json_t *body, struct wiretext_message *m)
{
    size_t len = json_dumpb(body, (char *)m->frame[1], WIRE_BODY_MAX, JSON_COMPACT);
    if (!json_is_object(body) || len == 0 || len > WIRE_BODY_MAX) return -1;
    m->len[1] = len;
    m->n_frames = 2;
    return 0;
}

int wiretext_from_json(const json_t *json, struct wiretext_message *m, const char **why)
{
    struct wire_header h = {0}, back;
    const char *key;
    json_t *v;
    if (!command_of(json_string_value(json_object_get(json, "command")), &h)) {
        *why = "no known command";
        return -1;
    }
    m->n_frames = 1;
    m->len[0] = WIRE_HEADER;
    json_object_foreach((json_t *)json, key, v)
    {
        if (strcmp(key, "body") == 0 ? take_body(v, m) == 0 : take_key(key, v, &h)) continue;
        *why = "a key or value that a message does not have";
        return -1;
    }
    wire_encode(&h, m->frame[0]);
    enum wire_problem problem = wire_decode(m->frame[0], WIRE_HEADER, 0, &back);
    *why = wire_problem_text(problem);
    return problem == WIRE_OK || problem == WIRE_BAD_MAJOR ? 0 : -1;
}
