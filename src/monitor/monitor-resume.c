/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/memory.h"
#include "monitor/monitor-private.h"
#include "monitor/upgrade-start.h"

/* How this works: what the process has stays its own across execve(2): being a subreaper, its
 * session, its score, its children, its working directory. What the program had is saved and
 * restored here, and a session does the same for its part. Nothing is written, told or let go of
 * before all of it is there: until then the state is also the other program's. */

#define DELETED_SUFFIX " (deleted)"

static HfSessionSavable
get_savable(gpointer user_data)
{
    const HfMonitor *self = user_data;

    return hf_session_get_savable(self->session);
}

static void
save_dir(const HfProcessDir *dir, const char *name, HfStateWriter *writer)
{
    if (dir == NULL)
        return;
    hf_state_begin(writer, name);
    hf_process_dir_save(dir, writer);
    hf_state_end(writer);
}

/* These were open for whoever executes, and are so again: no descriptors to be guarded. */
static void
save_inherited(const HfMonitor *self, HfStateWriter *writer)
{
    g_autoptr(GArray) numbers = g_array_new(FALSE, FALSE, sizeof(gint32));

    for (guint i = 0; i < self->inherited_fds->len; i++) {
        gint32 fd = g_array_index(self->inherited_fds, int, i);

        g_array_append_val(numbers, fd);
    }
    hf_state_put_bytes(writer, "inherited", numbers->data, numbers->len * sizeof(gint32));
}

static void
save(HfStateWriter *writer, gpointer user_data)
{
    HfMonitor *self = user_data;

    hf_state_put_text(writer, "oom-score", self->oom_score_adj);
    save_inherited(self, writer);
    hf_state_begin(writer, "parent");
    hf_parent_pipes_save(self->parent, writer);
    hf_state_end(writer);
    save_dir(self->process_dir, "process-dir", writer);
    if (self->adoption_dir != self->process_dir)
        save_dir(self->adoption_dir, "adoption-dir", writer);
    else
        hf_state_put_bool(writer, "is-adoptable-there", self->adoption_dir != NULL);
    hf_state_begin(writer, "session");
    hf_session_save(self->session, writer);
    hf_state_end(writer);
}

void
hf_monitor_note_upgrade(HfMonitor *self, const char *reason)
{
    const HfProcessDir *dir = self->adoption_dir != NULL ? self->adoption_dir : self->process_dir;
    g_autoptr(GError) error = NULL;

    if (dir != NULL && !hf_process_dir_write_upgrade(dir, reason, &error))
        hf_diag_take_error(HF_DIAG_WARNING, &error, "the answer to who asked for an upgrade");
}

static void
on_refused(const char *reason, gpointer user_data)
{
    hf_monitor_note_upgrade(user_data, reason);
}

static const char *
get_obstacle(gpointer user_data)
{
    const HfMonitor *self = user_data;

    return hf_session_get_upgrade_obstacle(self->session);
}

static int
get_program_fd(gpointer user_data)
{
    const HfMonitor *self = user_data;

    return hf_session_get_program_fd(self->session);
}

static const HfUpgradeHandlers upgrade_handlers = {
    get_savable, save, on_refused, get_obstacle, get_program_fd,
};

/* Where this program is installed: another one may have its name by now. (transfer full) */
static char *
find_program(void)
{
    char *path = g_file_read_link("/proc/self/exe", NULL);

    if (path != NULL && g_str_has_suffix(path, DELETED_SUFFIX))
        path[strlen(path) - strlen(DELETED_SUFFIX)] = '\0';
    return path;
}

void
hf_monitor_make_upgradable(HfMonitor *self, const char *program, char *const *argv)
{
    g_autofree char *found = program == NULL ? find_program() : g_strdup(program);

    if (found != NULL)
        self->upgrade =
            hf_upgrade_new(self->context, self->reaper, found, argv, &upgrade_handlers, self);
}

static void
restore_inherited(HfMonitor *self, HfStateReader *reader)
{
    size_t length = 0;
    const char *bytes = hf_state_get_bytes(reader, "inherited", &length);
    gint32 fd;

    self->inherited_fds = g_array_new(FALSE, FALSE, sizeof(int));
    for (; length >= sizeof fd; length -= sizeof fd, bytes += sizeof fd) {
        memcpy(&fd, bytes, sizeof fd);
        g_array_append_val(self->inherited_fds, fd);
    }
}

static void
restore_dirs(HfMonitor *self, HfStateReader *reader)
{
    HfStateReader *process_dir = hf_state_open(reader, "process-dir");
    HfStateReader *adoption_dir = hf_state_open(reader, "adoption-dir");

    if (process_dir != NULL)
        self->process_dir = hf_process_dir_new_saved(process_dir);
    if (adoption_dir != NULL)
        self->adoption_dir = hf_process_dir_new_saved(adoption_dir);
    else if (hf_state_get_bool(reader, "is-adoptable-there"))
        self->adoption_dir = self->process_dir;
}

static gboolean
restore(HfMonitor *self, HfStateReader *reader, GError **error)
{
    HfStateReader *session = hf_state_open_needed(reader, "session");

    restore_inherited(self, reader);
    restore_dirs(self, reader);
    self->oom_score_adj = g_strdup(hf_state_get_text(reader, "oom-score"));
    self->parent = hf_parent_pipes_new_saved(hf_state_open_needed(reader, "parent"));
    self->reaper = hf_reaper_new(self->context, error);
    if (!hf_state_reader_check(reader, error) || self->reaper == NULL)
        return FALSE;
    hf_monitor_set_up_owner(self);
    self->session = hf_session_new_saved(self->options, &self->session_owner, session, error);
    return self->session != NULL && hf_state_reader_check(reader, error) &&
           hf_state_reader_guard_fds(reader, error);
}

/* Whoever executes by a descriptor or through an interpreter has another name than the file's. */
static void
take_name(const char *program)
{
    g_autofree char *name = g_path_get_basename(program);

    (void)prctl(PR_SET_NAME, name, 0, 0, 0);
}

HfMonitor *
hf_monitor_resume(HfOptions *options, const HfUpgradeStart *start, char *const *argv,
                  GError **error)
{
    g_autoptr(HfStateReader) reader = hf_state_reader_new_from_fd(start->resume_fd, error);
    const char *program = reader != NULL ? hf_state_get_text(reader, "program") : NULL;
    HfMonitor *self;
    int fds[] = {start->resume_fd, start->fallback_fd};

    if (reader == NULL)
        return NULL;
    self = g_new0(HfMonitor, 1);
    self->options = options;
    self->context = g_main_context_new();
    if (!hf_monitor_set_up_signals(self, error) || !restore(self, reader, error))
        return NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(fds); i++)
        hf_close_fd(&fds[i]);
    hf_monitor_make_upgradable(self, program, argv);
    if (program != NULL)
        take_name(program);
    self->is_resumed = true;
    return self;
}
