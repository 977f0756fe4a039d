#include "cli/ask.h"

#include <string.h>

#include "cli/api.h"
#include "cli/text.h"
#include "lib/auto.h"

enum cli_exit ask(const struct cli *cli, const char *method, const char *path, const char *request,
                  void (*print)(const json_t *))
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    struct err err = {0};
    struct api_answer answer = {0};
    const struct httpc_request r = {.method = method,
                                    .headers = request ? headers : NULL,
                                    .body = request,
                                    .body_len = request ? strlen(request) : 0};
    if (!path) {
        (void)err_set(&err, ERR_NOMEM, "no memory");
        return cli_fail(cli, &err);
    }
    AUTO(api_close) api_t *api = api_open(cli, &err);
    if (!api || api_call(api, path, &r, &answer, &err) == -1) return cli_fail(cli, &err);
    int rc = answer.status / 100 == 2 ? 0 : api_refusal(&answer, &err);
    if (rc == 0 && cli->json) text_print_json(answer.body);
    if (rc == 0 && !cli->json) print(answer.body);
    api_answer_done(&answer);
    return rc == 0 ? CLI_OK : cli_fail(cli, &err);
}
