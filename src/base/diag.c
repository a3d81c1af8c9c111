/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/fd.h"

/* One datagram of the system log; longer messages are cut. */
#define MESSAGE_MAX 2048

static struct {
    char program[64];
    char subject[80];
    HfDiagLevel level;
    int syslog_fd;
    HfDiagSink sink; /* NULL: stderr */
    gpointer sink_data;
} diag = {.program = "holdfast", .level = HF_DIAG_WARNING, .syslog_fd = -1};

static const struct {
    const char *word;
    HfDiagLevel level;
} level_words[] = {
    {"panic", HF_DIAG_ERROR},     {"fatal", HF_DIAG_ERROR},  {"error", HF_DIAG_ERROR},
    {"warning", HF_DIAG_WARNING}, {"warn", HF_DIAG_WARNING}, {"info", HF_DIAG_INFO},
    {"debug", HF_DIAG_DEBUG},     {"trace", HF_DIAG_DEBUG},
};

static const struct {
    const char *word;
    int syslog_priority;
} levels[] = {
    [HF_DIAG_ERROR] = {"error", LOG_ERR},
    [HF_DIAG_WARNING] = {"warning", LOG_WARNING},
    [HF_DIAG_INFO] = {"info", LOG_INFO},
    [HF_DIAG_DEBUG] = {"debug", LOG_DEBUG},
};

bool
hf_diag_parse_level(const char *word, HfDiagLevel *out_level)
{
    for (size_t i = 0; i < G_N_ELEMENTS(level_words); i++) {
        if (g_ascii_strcasecmp(word, level_words[i].word) == 0) {
            *out_level = level_words[i].level;
            return true;
        }
    }
    return false;
}

void
hf_diag_init(const char *program, const char *subject, HfDiagLevel level, bool use_syslog)
{
    (void)g_strlcpy(diag.program, program, sizeof diag.program);
    (void)g_strlcpy(diag.subject, subject != NULL ? subject : "", sizeof diag.subject);
    diag.level = level;
    hf_close_fd(&diag.syslog_fd);
    if (use_syslog)
        diag.syslog_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

void
hf_diag_set_sink(HfDiagSink sink, gpointer user_data)
{
    diag.sink = sink;
    diag.sink_data = user_data;
}

const char *
hf_diag_level_to_string(HfDiagLevel level)
{
    return levels[level].word;
}

/* Ends the line that was to be @wanted bytes and returns how many it is. */
static size_t
end_line(char *line, int wanted)
{
    size_t length = (size_t)CLAMP(wanted, 0, MESSAGE_MAX - 2);

    line[length] = '\n';
    return length + 1;
}

static void
say_to_stderr(const char *line, size_t length)
{
    struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};

    /* Whoever started us may not read what stderr is; a pipe that is ready has room for a page. */
    if (poll(&ready, 1, 0) == 1 && (ready.revents & POLLOUT) != 0)
        (void)!write(STDERR_FILENO, line, length);
}

static void
say_to_syslog(const char *line, size_t length)
{
    /* Addressed anew each time: the service may have been started again since the last message. */
    const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};

    (void)sendto(diag.syslog_fd, line, length, MSG_DONTWAIT | MSG_NOSIGNAL,
                 (const struct sockaddr *)&address, sizeof address);
}

static void
say(HfDiagLevel level, const char *text)
{
    char line[MESSAGE_MAX];
    const char *colon = diag.subject[0] != '\0' ? ": " : "";
    int n = g_snprintf(line, sizeof line - 1, "%s: %s: %s%s%s", diag.program, levels[level].word,
                       diag.subject, colon, text);

    if (diag.sink != NULL)
        diag.sink(level, text, diag.sink_data);
    else
        say_to_stderr(line, end_line(line, n));
    if (diag.syslog_fd < 0)
        return;
    n = g_snprintf(line, sizeof line - 1, "<%d>%s[%d]: %s%s%s",
                   LOG_DAEMON | levels[level].syslog_priority, diag.program, (int)getpid(),
                   diag.subject, colon, text);
    say_to_syslog(line, end_line(line, n) - 1);
}

/* A message is one line, whatever a container or a client put into it. */
static void
flatten(char *text)
{
    for (; *text != '\0'; text++) {
        if (g_ascii_iscntrl(*text))
            *text = ' ';
    }
}

void
hf_diag(HfDiagLevel level, const char *format, ...)
{
    char text[MESSAGE_MAX];
    va_list args;

    if (level > diag.level)
        return;
    va_start(args, format);
    (void)g_vsnprintf(text, sizeof text, format, args);
    va_end(args);
    flatten(text);
    say(level, text);
}

void
hf_diag_take_error(HfDiagLevel level, GError **error, const char *format, ...)
{
    char what[MESSAGE_MAX / 2];
    va_list args;

    va_start(args, format);
    (void)g_vsnprintf(what, sizeof what, format, args);
    va_end(args);
    hf_diag(level, "%s: %s", what, *error != NULL ? (*error)->message : "unknown error");
    g_clear_error(error);
}

bool
hf_diag_limit_allows(HfDiagLimit *limit, guint burst, guint interval_s, guint *out_kept_back)
{
    gint64 now_us = g_get_monotonic_time();

    if (limit->interval_start_us == 0 ||
        now_us - limit->interval_start_us >= (gint64)interval_s * G_USEC_PER_SEC) {
        limit->interval_start_us = now_us;
        limit->said = 0;
    }
    if (limit->said >= burst) {
        limit->kept_back++;
        return false;
    }
    limit->said++;
    if (out_kept_back != NULL)
        *out_kept_back = limit->kept_back;
    limit->kept_back = 0;
    return true;
}
