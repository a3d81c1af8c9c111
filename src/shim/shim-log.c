/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "protocol/message-line.h"
#include "protocol/state-names.h"
#include "protocol/sync-message.h"
#include "shim/shim-log.h"

static int
open_log(GError **error)
{
    int fd =
        open(HF_STATE_MONITOR_LOG,
             O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0644);

    if (fd < 0)
        hf_throw_errno(error, "open '%s'", HF_STATE_MONITOR_LOG);
    return fd;
}

gboolean
hf_shim_log_make(GError **error)
{
    hf_autofd fd = open_log(error);

    return fd >= 0;
}

static void
tell_log(const GError *error)
{
    struct timespec now = hf_clock_now();
    size_t length = 0;
    g_autofree char *line = hf_message_line_format("error", error->message, &now, &length);
    hf_autofd fd = open_log(NULL);

    if (fd >= 0)
        (void)!write(fd, line, length);
}

static void
tell_sync_pipe(const GError *error)
{
    const char *value = g_getenv("_OCI_SYNCPIPE");
    guint64 number = 0;
    size_t length = 0;

    if (value == NULL || !g_ascii_string_to_unsigned(value, 10, 0, G_MAXINT, &number, NULL))
        return;
    g_autofree char *line = hf_sync_message_format(HF_SYNC_KEY_DATA, -1, error->message,
                                                   strlen(error->message), &length);
    struct pollfd ready = {.fd = (int)number, .events = POLLOUT};

    /* Whoever gave it to us may not read it. */
    if (poll(&ready, 1, 0) == 1 && (ready.revents & POLLOUT) != 0)
        (void)!write((int)number, line, length);
}

void
hf_shim_log_tell(const GError *error)
{
    tell_log(error);
    tell_sync_pipe(error);
    (void)fprintf(stderr, "holdfast-shim: %s\n", error->message);
}
