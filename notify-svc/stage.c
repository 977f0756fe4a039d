#include "notify-svc/stage.h"

#include <stdio.h>
#include <string.h>
#include "lib/auto.h"
#include "notify-svc/message.h"
#include "notify-svc/notice.h"

/* Where people reach the gateway, without a slash at the end. */
static void app_address(const struct settings *settings, struct buf *out)
{
    if (!settings->app_url) {
        buf_printf(out, "http://127.0.0.1:%d", settings_gateway_port(settings));
        return;
    }
    size_t len = strlen(settings->app_url);
    while (len && settings->app_url[len - 1] == '/') len--;
    buf_add(out, settings->app_url, len);
}

static int render(const struct mail *mail, const struct mailbox *from, struct buf *out, struct err *err)
{
    AUTO(buf_done) struct buf subject = BUF_INIT;
    AUTO(buf_done) struct buf text = BUF_INIT;
    AUTO(buf_done) struct buf html = BUF_INIT;
    notice_subject(mail->notice, &subject);
    notice_text(mail->notice, mail->app_url, &text);
    notice_html(mail->notice, mail->app_url, &html);
    if (subject.bad || text.bad || html.bad) return err_set(err, ERR_NOMEM, "out of memory");
    const struct message message = {
        .from = from,
        .to = mail->people,
        .n_to = mail->n_people,
        .subject = subject.data,
        .id = mail->id,
        .date_ms = mail->notice->ended_ms,
        .text = text.data,
        .html = html.data,
    };
    return message_render(&message, out, err);
}

int notify_send(struct channels *channels, const char *job, const struct token *token, const json_t *body,
                int64_t deadline_ms, char *id, struct err *err)
{
    AUTO(buf_done) struct buf data = BUF_INIT;
    AUTO(buf_done) struct buf address = BUF_INIT;
    struct notice notice;
    if (notice_read(&notice, job, token->run, body, err) == -1) return -1;
    snprintf(id, NOTIFY_ID_MAX, "%s@sheaf", notice.event);
    app_address(channels->settings, &address);
    if (address.bad) return err_set(err, ERR_NOMEM, "out of memory");
    /* Whoever uploaded it, as far as a verified token says; else whom the operator named. */
    struct mailbox uploader;
    bool known = notice.mail && mailbox_list("mail", notice.mail, &uploader, 1, NULL) == 1;
    struct mail mail = {.id = id,
                        .from = channels->people.from.address,
                        .people = known ? &uploader : channels->people.to,
                        .n_people = known ? 1 : channels->people.n_to,
                        .notice = &notice,
                        .app_url = address.data};
    if (render(&mail, &channels->people.from, &data, err) == -1) return -1;
    mail.data = data.data;
    mail.len = data.len;
    return channels_send(channels, &mail, job, token, deadline_ms, err);
}

static int work(void *thread, const struct stage_task *task, json_t **result, struct err *err)
{
    char id[NOTIFY_ID_MAX];
    if (notify_send(thread, task->job, &task->token, task->body, task->deadline_ms, id, err) == -1)
        return -1;
    json_t *out = json_pack("{s:o}", "message_id", json_sprintf("<%s>", id));
    if (!out) return err_set(err, ERR_NOMEM, "out of memory");
    *result = out;
    return 0;
}

static int thread_open(void *shared, const struct stage_type *type, void **thread, struct err *err)
{
    (void)type, (void)err;
    *thread = shared; /* channels take calls from any thread */
    return 0;
}

int notify_threads(const struct settings *settings)
{
    return settings->threads == SETTING_UNSET ? 2 : (int)settings->threads;
}

int notify_stage_run(struct svc *svc, struct channels *channels, struct err *err)
{
    const struct settings *settings = svc_settings(svc);
    const int threads = notify_threads(settings);
    bool instant = true;
    for (int i = 0; i < channels->n; i++) instant = instant && channels->channel[i]->instant;
    int room = settings->room == SETTING_UNSET ? (instant ? 64 : threads * 4) : (int)settings->room;
    const struct stage_type types[] = {
        {.name = "notify",
         .threads = threads,
         .room = room > threads ? room : threads,
         .work = work,
         .via = settings_notify(settings),
         .blobless = true}};
    const struct stage_service service = {
        .types = types, .n_types = COUNT_OF(types), .thread_open = thread_open};
    return stage_run(svc, &service, channels, err);
}
