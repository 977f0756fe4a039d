#include "persist-svc/object_path.h"

#include <stdio.h>
#include <string.h>
#include "lib/auto.h"

static const struct {
    const char *mime, *extension;
} types[] = {
    {"application/pdf", "pdf"},
    {"image/png", "png"},
    {"image/jpeg", "jpg"},
    {"image/tiff", "tiff"},
    {"image/webp", "webp"},
    {"image/heic", "heic"},
    {"application/msword", "doc"},
    {"application/json", "json"},
    {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"},
};

const char *object_extension(const char *mime)
{
    for (size_t i = 0; mime && i < COUNT_OF(types); i++)
        if (strcmp(types[i].mime, mime) == 0) return types[i].extension;
    return "bin";
}

const char *object_mime(const char *path)
{
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < COUNT_OF(types); i++)
        if (strcmp(types[i].extension, dot + 1) == 0) return types[i].mime;
    return "application/octet-stream";
}

bool is_hex(const char *text, size_t len)
{
    return text && strlen(text) == len && strspn(text, "0123456789abcdef") == len;
}

bool is_uuid(const char *text)
{
    if (!text || strlen(text) != 36) return false;
    for (int i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : !strchr("0123456789abcdef", text[i])) return false;
    }
    return true;
}

bool object_path_original(char out[OBJECT_PATH_MAX], const char *owner, const char *base, const char *mime)
{
    if (!is_uuid(owner) || !is_hex(base, 12)) return false;
    snprintf(out, OBJECT_PATH_MAX, OBJECT_BUCKET "/%s/%s/original.%s", owner, base, object_extension(mime));
    return true;
}

bool object_path_artifacts(char out[OBJECT_PATH_MAX], const char *owner, const char *base, const char *run)
{
    size_t digits = strspn(run, "0123456789");
    if (!is_uuid(owner) || !is_hex(base, 12) || digits == 0 || digits > 20 || run[digits]) return false;
    snprintf(out, OBJECT_PATH_MAX, OBJECT_BUCKET "/%s/%s/artifacts/%s", owner, base, run);
    return true;
}

bool object_path_ok(const char *path)
{
    if (strlen(path) >= OBJECT_PATH_MAX) return false;
    for (const char *name = path;;) {
        size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
        if (len == 0 || name[0] == '.') return false;
        if (name[len] == '\0') return true;
        if (name[len] != '/') return false;
        name += len + 1;
    }
}

bool object_path_is_original_of(const char *path, const char *owner)
{
    char head[OBJECT_PATH_MAX];
    if (!is_uuid(owner) || !object_path_ok(path)) return false;
    int len = snprintf(head, sizeof head, OBJECT_BUCKET "/%s/", owner);
    if (strncmp(path, head, (size_t)len) != 0) return false;
    const char *base = path + len, *slash = strchr(base, '/');
    return slash && slash - base == 12 && strncmp(slash, "/original.", 10) == 0 && !strchr(slash + 1, '/');
}
