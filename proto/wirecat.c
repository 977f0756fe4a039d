/* wirecat: prints, makes, replays and checks captured messages.
 *
 *   wirecat [FILE.hex …]       decodes each message to a JSON line; standard input without a file.  A capture
 *                              of many messages is replayed in its order; exit 1 when any is malformed
 *   wirecat --encode [FILE …]  JSON, one object a line or a file, to hex
 *   wirecat --check DIR        DIR/x.hex and DIR/x.json say the same, both ways; DIR/bad/x.hex has the
 * problem in DIR/bad/x.json.  Prints what differs and a count; exit 1 when something does
 *
 * Exit 0 ok, 1 the answer is no, 2 usage or a file that cannot be read. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/wiretext.h"

enum { EXIT_OK, EXIT_NO, EXIT_USAGE };

/* Too big for the stack of a small thread, and one is enough: this program does one thing at a time. */
struct cat {
    struct wiretext_message message, other;
    int encoded; /* messages printed as hex so far */
};

/* The whole text, which the caller frees; NULL when it cannot be read. */
static char *read_all(FILE *in, const char *name)
{
    char *text = NULL, block[4096];
    size_t len, n;
    FILE *out = open_memstream(&text, &len);
    while (out && (n = fread(block, 1, sizeof(block), in)) > 0) fwrite(block, 1, n, out);
    bool failed = !out || ferror(in);
    if (out && fclose(out) != 0) failed = true;
    if (!failed) return text;
    perror(name);
    free(text);
    return NULL;
}

static char *read_file(const char *dir, const char *name, const char *ending)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s%s%s%s", dir, *dir ? "/" : "", name, ending);
    FILE *in = fopen(path, "r");
    if (!in) {
        perror(path);
        return NULL;
    }
    char *text = read_all(in, path);
    fclose(in);
    return text;
}

static void print_json(const json_t *json)
{
    json_dumpf(json, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
    putchar('\n');
}

static int decode(struct cat *cat, const char *name, const char *text)
{
    int rc = EXIT_OK, line = 0, got;
    while ((got = wiretext_from_hex(&text, &cat->message, &line)) == 1) {
        json_t *json = wiretext_to_json(&cat->message);
        if (json_object_get(json, "problem")) rc = EXIT_NO;
        print_json(json);
        json_decref(json);
    }
    if (got == 0) return rc;
    fprintf(stderr, "%s:%d: not hex, or too long\n", name, line);
    return EXIT_USAGE;
}

static void print_frame(const char *what, const uint8_t *data, size_t len)
{
    printf("# %s, %zu bytes\n", what, len);
    for (size_t i = 0; i < len; i++)
        printf("%02x%s", data[i], i % 32 == 31 || i + 1 == len ? "\n" : i % 4 == 3 ? " " : "");
}

static int encode(struct cat *cat, const char *name, const char *text)
{
    size_t len = strlen(text), at = 0;
    for (int n = 0; at < len; n++) {
        json_error_t error;
        json_t *json = json_loadb(text + at, len - at, JSON_DISABLE_EOF_CHECK, &error);
        const char *why = error.text;
        if (!json || wiretext_from_json(json, &cat->message, &why) == -1) {
            fprintf(stderr, "%s: message %d: %s\n", name, n + 1, why);
            json_decref(json);
            return EXIT_USAGE;
        }
        json_decref(json);
        if (cat->encoded++) printf("---\n");
        print_frame("header", cat->message.frame[0], cat->message.len[0]);
        if (cat->message.n_frames > 1) {
            putchar('\n');
            print_frame("body", cat->message.frame[1], cat->message.len[1]);
        }
        at += (size_t)error.position;
        at += strspn(text + at, " \t\r\n");
    }
    return EXIT_OK;
}

/* Do the frames say what the JSON says, and does the JSON give these frames? */
static const char *compare(struct cat *cat, const char *hex, const json_t *expected, bool bad)
{
    int line = 0;
    if (wiretext_from_hex(&hex, &cat->message, &line) != 1) return "the hex cannot be read";
    json_t *got = wiretext_to_json(&cat->message);
    bool same = json_equal(got, expected);
    if (!same) print_json(got);
    json_decref(got);
    if (!same) return "decodes to the above";
    if (bad || json_object_get(expected, "problem")) return bad ? NULL : "is malformed";

    const char *why;
    if (wiretext_from_json(expected, &cat->other, &why) == -1) return why;
    /* A body may be spaced in another way; the header has one form, unless it is of a later minor. */
    bool later = json_object_get(expected, "version") != NULL;
    if (!later && memcmp(cat->message.frame[0], cat->other.frame[0], WIRE_HEADER) != 0)
        return "is encoded to another header";
    return NULL;
}

/* Prints what is wrong with one vector; true when nothing is. */
static bool check_one(struct cat *cat, const char *dir, const char *name, bool bad)
{
    char *hex = read_file(dir, name, ".hex"), *text = read_file(dir, name, ".json");
    json_t *expected = text ? json_loads(text, 0, NULL) : NULL;
    const char *why = hex && expected ? compare(cat, hex, expected, bad) : "a file is missing or is not JSON";
    if (why) printf("%s/%s: %s\n", dir, name, why);
    json_decref(expected);
    free(text);
    free(hex);
    return !why;
}

static int check_dir(struct cat *cat, const char *dir, bool bad, int *checked)
{
    DIR *d = opendir(dir);
    if (!d) {
        perror(dir);
        return EXIT_USAGE;
    }
    int rc = EXIT_OK;
    for (struct dirent *e = readdir(d); e; e = readdir(d)) {
        size_t len = strlen(e->d_name);
        if (len <= 4 || strcmp(e->d_name + len - 4, ".hex") != 0) continue;
        e->d_name[len - 4] = '\0';
        if (!check_one(cat, dir, e->d_name, bad)) rc = EXIT_NO;
        ++*checked;
    }
    closedir(d);
    return rc;
}

static int check(struct cat *cat, const char *dir)
{
    char bad[4096];
    int checked = 0;
    snprintf(bad, sizeof(bad), "%s/bad", dir);
    int good_rc = check_dir(cat, dir, false, &checked), bad_rc = check_dir(cat, bad, true, &checked);
    int rc = good_rc > bad_rc ? good_rc : bad_rc;
    printf("%d vectors%s\n", checked, rc == EXIT_OK ? ", all as they should be" : "");
    return rc;
}

/* `each` for every file, or for standard input when there is none; the worst answer counts. */
static int for_each(struct cat *cat, char **files, int (*each)(struct cat *, const char *, const char *))
{
    int rc = EXIT_OK;
    do {
        char *text = *files ? read_file("", *files, "") : read_all(stdin, "standard input");
        int one = text ? each(cat, *files ? *files : "standard input", text) : EXIT_USAGE;
        if (one > rc) rc = one;
        free(text);
    } while (*files && *++files);
    return rc;
}

int main(int argc, char **argv)
{
    struct cat *cat = calloc(1, sizeof(*cat));
    if (!cat) return EXIT_USAGE;
    int rc = EXIT_USAGE;
    if (argc > 1 && strcmp(argv[1], "--encode") == 0)
        rc = for_each(cat, argv + 2, encode);
    else if (argc == 3 && strcmp(argv[1], "--check") == 0)
        rc = check(cat, argv[2]);
    else if (argc < 2 || argv[1][0] != '-')
        rc = for_each(cat, argv + 1, decode);
    else
        fprintf(stderr, "usage: wirecat [FILE.hex ...] | --encode [FILE.json ...] | --check DIR\n");
    free(cat);
    return rc;
}
