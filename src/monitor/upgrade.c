/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works.
 *
 *      idle --request--> wanted --it can be saved--> checking --status 0--> exec
 *        ^                  |                           |                     |
 *        |                  it ends                     refused, no answer    fails
 *        +------------------+---------------------------+---------------------+
 *
 * Checking: the state as it is at that moment is given to the new program, run as a child. The loop
 * goes on meanwhile, so the child's answer is about the form of the state, the version and the
 * command line, and not about what is in it. Nothing that the child gets is kept.
 *
 * Then all is saved a second time, from a source of its own: no callback of any object is on the
 * stack, and nothing happens between this and execve(2), so no byte can be lost. Saving changes
 * nothing. If execve(2) fails, the program goes on as if nobody had asked.
 *
 * Descriptors keep their numbers. Those that were saved lose close-on-exec for the exec; what was
 * open and not saved is closed by it. Signals are blocked, and pending ones stay pending: the end
 * of a child meanwhile is found afterwards. The new program is handed the old one as a descriptor,
 * to go back to if it cannot go on (upgrade-start.c).
 *
 * Where a sandbox lets only one descriptor be executed, the new program is opened and put there,
 * each time anew. The check cannot be killed from within a sandbox, so it ends by an alarm of its
 * own. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/source.h"
#include "monitor/upgrade-start.h"
#include "monitor/upgrade.h"
#include "runtime/spawn.h"

#define CHECK_TIMEOUT_MS (10 * 1000)
#define CHECK_LIMIT_S 11
#define REASON_MAX 512

struct HfUpgrade {
    GMainContext *context; /* borrowed, as the next three */
    HfReaper *reaper;
    char *const *argv;
    const HfUpgradeHandlers *handlers;
    gpointer user_data;
    char *program;
    bool is_wanted;
    GSource *step_source; /* the check or the exec is due */
    GSource *timeout_source;
    pid_t child;   /* 0: none */
    int reason_fd; /* a memfd: what the child says */
};

HfUpgrade *
hf_upgrade_new(GMainContext *context, HfReaper *reaper, const char *program, char *const *argv,
               const HfUpgradeHandlers *handlers, gpointer user_data)
{
    HfUpgrade *self = g_new0(HfUpgrade, 1);

    self->context = context;
    self->reaper = reaper;
    self->program = g_strdup(program);
    self->argv = argv;
    self->handlers = handlers;
    self->user_data = user_data;
    self->reason_fd = -1;
    return self;
}

static void
drop_child(HfUpgrade *self)
{
    hf_source_clear(&self->timeout_source);
    hf_close_fd(&self->reason_fd);
    if (self->child <= 0)
        return;
    hf_reaper_unwatch(self->reaper, self->child);
    self->child = 0;
}

void
hf_upgrade_free(HfUpgrade *self)
{
    if (self == NULL)
        return;
    hf_source_clear(&self->step_source);
    drop_child(self);
    g_free(self->program);
    g_free(self);
}

static void
refuse(HfUpgrade *self, const char *reason)
{
    hf_diag(HF_DIAG_ERROR, "no upgrade to '%s': %s", self->program, reason);
    self->handlers->on_refused(reason, self->user_data);
    self->is_wanted = false;
    hf_source_clear(&self->step_source);
    drop_child(self);
}

static void
refuse_for(HfUpgrade *self, const GError *error)
{
    refuse(self, error->message);
}

static void
save_argv(HfUpgrade *self, HfStateWriter *writer)
{
    g_autoptr(GByteArray) joined = g_byte_array_new();

    for (char *const *argument = self->argv; *argument != NULL; argument++)
        g_byte_array_append(joined, (const guint8 *)*argument, (guint)strlen(*argument) + 1);
    hf_state_put_bytes(writer, "argv", joined->data, joined->len);
}

/* (transfer full) */
static HfStateWriter *
save(HfUpgrade *self, int *out_fd, GError **error)
{
    g_autoptr(HfStateWriter) writer = hf_state_writer_new();

    hf_state_put_text(writer, "program", self->program);
    save_argv(self, writer);
    self->handlers->save(writer, self->user_data);
    *out_fd = hf_state_writer_finish(writer, error);
    return *out_fd >= 0 ? g_steal_pointer(&writer) : NULL;
}

/* What the child said: its last words on one line. (transfer full) */
static char *
read_reason(const HfUpgrade *self)
{
    char text[REASON_MAX + 1] = "";
    ssize_t n = self->reason_fd >= 0 ? pread(self->reason_fd, text, REASON_MAX, 0) : 0;

    text[MAX(n, 0)] = '\0';
    return g_strstrip(g_strdup(text));
}

static void
schedule(HfUpgrade *self, GSourceFunc step)
{
    hf_source_clear(&self->step_source);
    self->step_source =
        hf_source_after(self->context, 0, HF_PRIORITY_CONTROL, "upgrade", step, self);
}

static gboolean on_exec_due(gpointer user_data);

static void
on_checked(pid_t pid, int wait_status, bool is_known, gpointer user_data)
{
    HfUpgrade *self = user_data;
    g_autofree char *said = read_reason(self);
    g_autofree char *reason = NULL;

    self->child = 0;
    drop_child(self);
    if (is_known && WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0) {
        schedule(self, on_exec_due);
        return;
    }
    if (is_known && WIFSIGNALED(wait_status))
        reason = g_strdup_printf("it was killed by signal %d", WTERMSIG(wait_status));
    else
        reason =
            g_strdup_printf("it refuses, with status %d", is_known ? WEXITSTATUS(wait_status) : -1);
    refuse(self, said[0] != '\0' ? said : reason);
}

static gboolean
on_check_timeout(gpointer user_data)
{
    HfUpgrade *self = user_data;

    hf_source_clear(&self->timeout_source);
    refuse(self, "it did not answer");
    return G_SOURCE_REMOVE;
}

/* Puts the new program where it may be executed; @out_fd: -1 if that is anywhere. */
static gboolean
place_program(HfUpgrade *self, int *out_fd, GError **error)
{
    int place = self->handlers->get_program_fd(self->user_data);
    hf_autofd fd = -1;

    *out_fd = place;
    if (place < 0)
        return TRUE;
    fd = open(self->program, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return hf_throw_errno(error, "open it");
    if (dup3(fd, place, O_CLOEXEC) < 0)
        return hf_throw_errno(error, "duplicate a descriptor");
    return TRUE;
}

static pid_t
spawn_check(HfUpgrade *self, GError **error)
{
    int program_fd = -1;
    hf_autofd state_fd = -1;
    g_autoptr(HfStateWriter) writer = save(self, &state_fd, error);
    g_autofree char **argv = hf_upgrade_start_make_argv(HF_UPGRADE_CHECK "0", NULL, self->argv);

    if (writer == NULL || !place_program(self, &program_fd, error))
        return -1;
    self->reason_fd = memfd_create("holdfast-reason", MFD_CLOEXEC);
    if (self->reason_fd < 0)
        return hf_throw_errno(error, "make a memfd"), -1;
    argv[0] = self->program;
    const HfSpawnOptions spawn = {
        .argv = (const char *const *)argv,
        .stdin_fd = state_fd,
        .stdout_fd = HF_SPAWN_NULL,
        .stderr_fd = self->reason_fd,
        .close_others = true,
        .die_with_parent = true,
        .time_limit_s = CHECK_LIMIT_S,
        .program_fd = program_fd,
    };
    pid_t child = hf_spawn(&spawn, error);
    if (child < 0 && program_fd >= 0 && g_error_matches(*error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        g_prefix_error(error, "the sandbox executes no script's interpreter: ");
    return child;
}

static gboolean
on_check_due(gpointer user_data)
{
    HfUpgrade *self = user_data;
    g_autoptr(GError) error = NULL;

    hf_source_clear(&self->step_source);
    if (self->handlers->get_savable(self->user_data) != HF_SESSION_SAVABLE) {
        hf_upgrade_look(self);
        return G_SOURCE_REMOVE;
    }
    pid_t child = spawn_check(self, &error);
    if (child < 0) {
        refuse_for(self, error);
        return G_SOURCE_REMOVE;
    }
    self->child = child;
    hf_reaper_watch_child(self->reaper, child, on_checked, self);
    self->timeout_source = hf_source_after(self->context, CHECK_TIMEOUT_MS, HF_PRIORITY_CONTROL,
                                           "upgrade check", on_check_timeout, self);
    return G_SOURCE_REMOVE;
}

/* Returns only if it fails, with everything as it was. */
static void
execute(HfUpgrade *self, const GArray *fds, GError **error)
{
    g_autofree char *resume =
        g_strdup_printf(HF_UPGRADE_RESUME "%d", g_array_index(fds, int, fds->len - 2));
    g_autofree char *fallback =
        g_strdup_printf(HF_UPGRADE_FALLBACK "%d", g_array_index(fds, int, fds->len - 1));
    g_autofree char **argv = hf_upgrade_start_make_argv(resume, fallback, self->argv);

    int program_fd = -1;

    if (place_program(self, &program_fd, error) && hf_upgrade_start_keep(fds, true, error)) {
        hf_diag(HF_DIAG_INFO, "goes on as '%s'", self->program);
        if (program_fd >= 0)
            (void)execveat(program_fd, "", argv, environ, AT_EMPTY_PATH);
        else
            (void)execve(self->program, argv, environ);
        hf_throw_errno(error, "execute it");
    }
    (void)!hf_upgrade_start_keep(fds, false, NULL);
}

static void
save_and_execute(HfUpgrade *self, GError **error)
{
    hf_autofd old_fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);
    hf_autofd state_fd = -1;
    g_autoptr(HfStateWriter) writer = NULL;
    g_autoptr(GArray) fds = NULL;

    if (old_fd < 0) {
        hf_throw_errno(error, "open this program");
        return;
    }
    writer = save(self, &state_fd, error);
    if (writer == NULL)
        return;
    fds = g_array_copy((GArray *)hf_state_writer_get_fds(writer));
    g_array_append_val(fds, state_fd);
    g_array_append_val(fds, old_fd);
    execute(self, fds, error);
}

static gboolean
on_exec_due(gpointer user_data)
{
    HfUpgrade *self = user_data;
    g_autoptr(GError) error = NULL;

    hf_source_clear(&self->step_source);
    if (self->handlers->get_savable(self->user_data) == HF_SESSION_SAVABLE)
        save_and_execute(self, &error);
    else
        hf_throw(&error, HF_ERROR_INVALID_STATE, "the process has ended meanwhile");
    refuse_for(self, error);
    return G_SOURCE_REMOVE;
}

void
hf_upgrade_look(HfUpgrade *self)
{
    HfSessionSavable savable = self->handlers->get_savable(self->user_data);

    if (!self->is_wanted || self->child > 0 || self->step_source != NULL)
        return;
    if (savable == HF_SESSION_ENDING)
        refuse(self, "the process has ended, or is not there");
    else if (savable == HF_SESSION_SAVABLE && self->handlers->get_obstacle(self->user_data) != NULL)
        refuse(self, self->handlers->get_obstacle(self->user_data));
    else if (savable == HF_SESSION_SAVABLE)
        schedule(self, on_check_due);
}

void
hf_upgrade_request(HfUpgrade *self)
{
    self->is_wanted = true;
    hf_upgrade_look(self);
}
