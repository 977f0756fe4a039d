/* embed: a file of the source tree inside the binary, NUL-terminated.
 *
 *     EMBED(page_index, "gateway/web/index.html");
 * defines  extern const char page_index[];  and  extern const size_t page_index_size (without the NUL).
 *     EMBED_PARTS(script, EMBED_TEXT("return ") EMBED_FILE("a.lua"))
 * the same of several, one behind the other; in a text a backslash is written twice.
 * Paths are relative to the top of the tree, where the compiler runs.  The Makefile makes objects
 * depend on the embedded files by folder.
 */
#ifndef SHEAF_EMBED_H
#define SHEAF_EMBED_H

#include <stddef.h>

#define EMBED(symbol, path) EMBED_PARTS(symbol, EMBED_FILE(path))
#define EMBED_FILE(path)    ".incbin \"" path "\"\n"
#define EMBED_TEXT(text)    ".ascii \"" text "\"\n"

#define EMBED_PARTS(symbol, parts)                                                                           \
    __asm__(".pushsection .rodata\n"                                                                         \
            ".balign 16\n"                                                                                   \
            ".type " #symbol ", @object\n"                                                                   \
            ".local " #symbol "\n" #symbol ":\n"                                                             \
            parts                                                                                            \
            ".local " #symbol "_end\n" #symbol "_end:\n"                                                     \
            ".byte 0\n"                                                                                      \
            ".size " #symbol ", . - " #symbol "\n"                                                           \
            ".balign 8\n"                                                                                    \
            ".local " #symbol "_size\n"                                                                      \
            ".type " #symbol "_size, @object\n" #symbol "_size:\n"                                           \
            ".quad " #symbol "_end - " #symbol "\n"                                                          \
            ".size " #symbol "_size, 8\n"                                                                    \
            ".popsection\n");                                                                                \
    extern const char symbol[];                                                                              \
    extern const size_t symbol##_size

#endif
