/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "library/monitor-upgrade.h"
#include "library/process-remains.h"
#include "library/state-dir.h"
#include "protocol/state-names.h"

/* How this works: the monitor answers each request in the file `upgrade`, a number on the first
 * line and, if it is no, the reason on the next. The number grows with each answer, so whatever is
 * read with another one than before the request is an answer that came after it. Of callers that
 * ask at once all get the same.
 *
 * Which program the monitor is, the kernel tells: the file behind /proc/PID/exe, and its name,
 * which ends in " (deleted)" once another file has it. */

#define ANSWER_TIMEOUT_MS 15000
#define LOOK_AGAIN_MS 10
#define DELETED_SUFFIX " (deleted)"

/* 0: there is none. @out_reason (transfer full): NULL if it became another program. */
static guint64
read_answer(int dir_fd, char **out_reason)
{
    g_autofree char *text = hf_state_read_file(dir_fd, HF_STATE_UPGRADE, NULL, NULL);
    char *rest = NULL;
    guint64 number = text != NULL ? g_ascii_strtoull(text, &rest, 10) : 0;

    *out_reason = NULL;
    if (rest == NULL)
        return 0;
    g_strstrip(rest);
    if (*rest != '\0')
        *out_reason = g_strdup(rest);
    return number;
}

/* FALSE also if that is not known. */
static bool
is_current(const HfProcessRef *monitor)
{
    g_autofree char *link = g_strdup_printf("/proc/%d/exe", (int)hf_process_ref_get_pid(monitor));
    g_autofree char *path = g_file_read_link(link, NULL);
    struct stat running, installed;

    if (path == NULL || stat(link, &running) < 0)
        return false;
    if (g_str_has_suffix(path, DELETED_SUFFIX))
        path[strlen(path) - strlen(DELETED_SUFFIX)] = '\0';
    return stat(path, &installed) == 0 && running.st_dev == installed.st_dev &&
           running.st_ino == installed.st_ino;
}

/* TRUE if it has ended. */
static bool
wait_a_moment(const HfProcessRef *monitor, GCancellable *cancellable)
{
    GPollFD fds[2] = {{.fd = hf_process_ref_get_fd(monitor), .events = G_IO_IN}, {.fd = -1}};

    (void)g_cancellable_make_pollfd(cancellable, &fds[1]);
    (void)g_poll(fds, G_N_ELEMENTS(fds), LOOK_AGAIN_MS);
    if (fds[1].fd >= 0)
        g_cancellable_release_fd(cancellable);
    return fds[0].revents != 0;
}

/* @before: the number of the last answer. */
static gboolean
wait_for_answer(int dir_fd, const HfProcessRef *monitor, guint64 before, GCancellable *cancellable,
                GError **error)
{
    gint64 deadline_us = g_get_monotonic_time() + (gint64)ANSWER_TIMEOUT_MS * 1000;
    bool has_ended = false;

    for (;;) {
        g_autofree char *reason = NULL;
        guint64 number = read_answer(dir_fd, &reason);

        if (number != 0 && number != before)
            return reason == NULL || hf_throw(error, HF_ERROR_FAILED, "%s", reason);
        if (has_ended)
            return hf_throw(error, HF_ERROR_MONITOR_EXITED, "its monitor has ended meanwhile");
        if (g_cancellable_set_error_if_cancelled(cancellable, error))
            return FALSE;
        if (g_get_monotonic_time() >= deadline_us)
            return hf_throw(error, HF_ERROR_TIMED_OUT, "its monitor did not answer within %d s",
                            ANSWER_TIMEOUT_MS / 1000);
        has_ended = wait_a_moment(monitor, cancellable);
    }
}

gboolean
hf_monitor_upgrade_run(int dir_fd, bool is_forced, HfMonitorAskFunc ask, gpointer user_data,
                       gboolean *out_is_upgraded, GCancellable *cancellable, GError **error)
{
    g_autoptr(HfProcessRef) monitor = hf_process_remains_find_monitor(dir_fd);
    g_autofree char *reason = NULL;
    bool is_asked = monitor != NULL && (is_forced || !is_current(monitor));
    guint64 before;

    if (monitor == NULL)
        return hf_throw(error, HF_ERROR_INVALID_STATE, "it has no monitor");
    if (is_asked) {
        before = read_answer(dir_fd, &reason);
        if (!ask(monitor, user_data, error) ||
            !wait_for_answer(dir_fd, monitor, before, cancellable, error))
            return FALSE;
    }
    if (out_is_upgraded != NULL)
        *out_is_upgraded = is_asked;
    return TRUE;
}

char *
hf_monitor_upgrade_dup_version(int dir_fd)
{
    g_autoptr(HfProcessRef) monitor = hf_process_remains_find_monitor(dir_fd);
    g_autofree char *text = NULL;

    if (monitor != NULL)
        text = hf_state_read_file(dir_fd, HF_STATE_MONITOR_VERSION, NULL, NULL);
    if (text == NULL || !g_utf8_validate(g_strstrip(text), -1, NULL))
        return NULL;
    return *text != '\0' ? g_steal_pointer(&text) : NULL;
}
