/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include "base/error.h"
#include "monitor/session-private.h"
#include "protocol/state-names.h"

/* How this works.
 *
 * With --process-dir a session's endpoints and reports are in that directory, and none of conmon's
 * are made in the bundle. What cannot be written there is said and does not end anything: the
 * container runs, and its end is told in the other places.
 *
 * Whoever waits for a start that fails looks for an error in shim-log.json first, and in the
 * runtime's log.json only if there is none (containerd 0.2 does so). So a failure that the runtime
 * has logged itself is no error here but a warning.
 *
 * The exit command of a container removes what the runtime left of it, and is run after a failed
 * start too. But a start that fails because the runtime has a container of that id, or before the
 * runtime was run at all, has left nothing, and what is there belongs to another. */

void
hf_session_on_control_line(const char *line, gpointer user_data)
{
    HfSession *self = user_data;
    g_autoptr(GError) error = NULL;
    HfControlCommand command = {0};

    if (line == NULL)
        hf_session_complain(self, HF_STATE_CONTROL, "a line is too long");
    else if (!hf_control_line_parse_process(line, &command, &error))
        hf_session_complain(self, HF_STATE_CONTROL, error->message);
    else
        hf_session_perform(self, &command);
}

gboolean
hf_session_make_process_endpoints(HfSession *self, GError **error)
{
    int dir_fd = hf_process_dir_get_fd(self->owner->process_dir);

    if (!self->is_passthrough && !hf_session_make_attach_server(self, dir_fd, error))
        return FALSE;
    self->control = hf_control_fifo_new_shared(self->owner->context, dir_fd, HF_STATE_CONTROL,
                                               hf_session_on_control_line, self, error);
    return self->control != NULL;
}

void
hf_session_note_process(HfSession *self)
{
    HfProcessDir *dir = self->owner->process_dir;
    g_autoptr(GError) error = NULL;

    if (dir != NULL && !hf_process_dir_write_start_time(dir, self->pid, &error))
        hf_diag_take_error(HF_DIAG_WARNING, &error, "start time of process %d", (int)self->pid);
}

void
hf_session_note_oom(HfSession *self, guint64 kills)
{
    HfProcessDir *dir =
        self->owner->process_dir != NULL ? self->owner->process_dir : self->owner->adoption_dir;
    g_autoptr(GError) error = NULL;

    if (dir != NULL && !hf_process_dir_write_oom(dir, kills, &error))
        hf_diag_take_error(HF_DIAG_ERROR, &error, "OOM count");
}

void
hf_session_note_exit(HfSession *self, int status)
{
    HfProcessDir *dir = self->owner->process_dir;
    g_autoptr(GError) error = NULL;

    if (dir == NULL || hf_process_dir_write_exit_status(dir, status, &error))
        return;
    hf_diag_take_error(HF_DIAG_ERROR, &error, "exit status");
    self->has_report_failed = true;
}

static bool
has_error_level(const char *log)
{
    /* As the runtimes write it. */
    return strstr(log, "\"level\":\"error\"") != NULL ||
           strstr(log, "\"level\": \"error\"") != NULL;
}

/* runc and crun say "already exists" of an id that is taken; older ones, "id exists". */
static bool
says_exists(const char *text)
{
    return text != NULL && strstr(text, "exists") != NULL;
}

void
hf_session_note_failure(HfSession *self, const char *printed)
{
    HfProcessDir *dir = self->owner->process_dir;
    g_autofree char *log = dir != NULL ? hf_process_dir_read_runtime_log(dir) : NULL;

    if (dir == NULL)
        return;
    hf_diag(log != NULL && has_error_level(log) ? HF_DIAG_WARNING : HF_DIAG_ERROR, "%s%s%s",
            self->failure->message, printed != NULL && *printed != '\0' ? ": " : "",
            printed != NULL ? printed : "");
    self->is_exit_command_skipped =
        !self->has_run_runtime || (self->pid <= 0 && (says_exists(printed) || says_exists(log)));
    if (self->pid > 0)
        hf_session_note_exit(self, self->exit_status);
}
