/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What a foreground command does besides copying: window sizes, a stop and go by the shell, and the
 * signals that would end this program, which go to the process instead. With a raw terminal Ctrl-C
 * is a byte and no signal; SIGTERM from outside is a signal in any case.
 *
 * GLib's signal sources know a few signals only, so all of them come through one signalfd. They
 * stay blocked afterwards: the program is about to end. */

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <glib-unix.h>

#include "cli/foreground.h"

/* The exit status follows the end of the connection at once, unless the monitor is gone. */
#define LATE_MS 2000

struct HfForeground {
    HfProcess *process;
    HfAttachSession *session;
    int signal_fd;
    GSource *signal_source;
};

typedef struct {
    gboolean has_come;
    gboolean is_known; /* the status is */
    int status;
    GError *error;
} Ending;

static void
handle_signal(HfForeground *self, int signal_number)
{
    switch (signal_number) {
    case SIGWINCH:
        hf_attach_session_update_size(self->session);
        break;
    case SIGCONT:
        hf_attach_session_resume(self->session);
        break;
    default:
        /* A process that has just ended needs none. */
        (void)hf_process_signal(self->process, signal_number, NULL);
    }
}

static gboolean
on_signal(int fd, GIOCondition condition, gpointer user_data)
{
    HfForeground *self = user_data;
    struct signalfd_siginfo info;

    while (read(fd, &info, sizeof info) == (ssize_t)sizeof info)
        handle_signal(self, (int)info.ssi_signo);
    return G_SOURCE_CONTINUE;
}

static gboolean
watch_signals(HfForeground *self, GError **error)
{
    static const int watched[] = {SIGHUP,  SIGINT,  SIGQUIT,  SIGTERM,
                                  SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT};
    sigset_t set;

    self->signal_fd = hf_cli_open_signals(watched, G_N_ELEMENTS(watched), &set, error);
    if (self->signal_fd < 0)
        return FALSE;
    self->signal_source = g_unix_fd_source_new(self->signal_fd, G_IO_IN);
    g_source_set_callback(self->signal_source, G_SOURCE_FUNC(on_signal), self, NULL);
    g_source_attach(self->signal_source, NULL);
    return TRUE;
}

HfForeground *
hf_foreground_new(HfProcess *process, gboolean with_input, const char *detach_keys, GError **error)
{
    g_autoptr(HfForeground) self = g_new0(HfForeground, 1);

    self->signal_fd = -1;
    self->process = g_object_ref(process);
    self->session = hf_process_attach(process, with_input ? STDIN_FILENO : -1, STDOUT_FILENO,
                                      STDERR_FILENO, detach_keys, error);
    if (self->session == NULL || !watch_signals(self, error) ||
        !hf_attach_session_wait_connected(self->session, error))
        return NULL;
    return g_steal_pointer(&self);
}

void
hf_foreground_free(HfForeground *self)
{
    if (self == NULL)
        return;
    if (self->signal_source != NULL) {
        g_source_destroy(self->signal_source);
        g_source_unref(self->signal_source);
    }
    if (self->signal_fd >= 0)
        close(self->signal_fd);
    g_clear_object(&self->session);
    g_clear_object(&self->process);
    g_free(self);
}

static void
on_process_end(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Ending *ending = user_data;

    ending->is_known =
        hf_process_wait_finish(HF_PROCESS(source), result, &ending->status, &ending->error);
    ending->has_come = TRUE;
}

static gboolean
on_late(gpointer user_data)
{
    hf_cli_warn("the monitor has closed the connection, but the process goes on: waiting for it");
    return G_SOURCE_REMOVE;
}

/* In the main context, so that signals still reach the process. */
static int
wait_for_end(HfForeground *self, GError **error)
{
    g_autoptr(GSource) late = g_timeout_source_new(LATE_MS);
    Ending ending = {0};

    g_source_set_callback(late, on_late, NULL, NULL);
    g_source_attach(late, NULL);
    hf_process_wait_async(self->process, NULL, on_process_end, &ending);
    while (!ending.has_come)
        g_main_context_iteration(NULL, TRUE);
    g_source_destroy(late);
    if (ending.is_known)
        return ending.status;
    g_propagate_error(error, ending.error);
    return -1;
}

int
hf_foreground_run(HfForeground *self, HfForegroundEnd *out_end, GError **error)
{
    HfAttachOutcome outcome = HF_ATTACH_OUTCOME_ENDED;
    g_autoptr(GError) local_error = NULL;

    *out_end = HF_FOREGROUND_ENDED;
    if (!hf_attach_session_run(self->session, &outcome, &local_error)) {
        if (g_error_matches(local_error, G_FILE_ERROR, G_FILE_ERROR_PIPE)) {
            *out_end = HF_FOREGROUND_NOT_READ;
            return HF_CLI_NOT_READ;
        }
        g_propagate_error(error, g_steal_pointer(&local_error));
        return -1;
    }
    if (outcome == HF_ATTACH_OUTCOME_DETACHED) {
        *out_end = HF_FOREGROUND_DETACHED;
        return 0;
    }
    return wait_for_end(self, error);
}
