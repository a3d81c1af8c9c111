/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "library/process-private.h"
#include "library/process-remains.h"
#include "library/spec-private.h"
#include "library/state-dir.h"
#include "protocol/state-names.h"

G_DEFINE_FINAL_TYPE(HfProcess, hf_process, G_TYPE_OBJECT)
G_DEFINE_ENUM_TYPE(HfProcessState, hf_process_state,
                   G_DEFINE_ENUM_VALUE(HF_PROCESS_STATE_CREATING, "creating"),
                   G_DEFINE_ENUM_VALUE(HF_PROCESS_STATE_RUNNING, "running"),
                   G_DEFINE_ENUM_VALUE(HF_PROCESS_STATE_STOPPED, "stopped"))

static void
hf_process_init(HfProcess *self)
{
    self->exit_fd = -1;
}

static void
hf_process_finalize(GObject *object)
{
    HfProcess *self = HF_PROCESS(object);

    hf_close_fd(&self->exit_fd);
    hf_process_ref_free(self->orphan);
    hf_process_file_free(self->file);
    g_clear_object(&self->io);
    g_clear_object(&self->stdio);
    g_clear_object(&self->container);
    g_free(self->path);
    g_free(self->id);
    G_OBJECT_CLASS(hf_process_parent_class)->finalize(object);
}

static void
hf_process_class_init(HfProcessClass *class)
{
    G_OBJECT_CLASS(class)->finalize = hf_process_finalize;
}

HfProcess *
hf_process_new(HfContainer *container, const char *id)
{
    HfProcess *self = g_object_new(HF_TYPE_PROCESS, NULL);

    self->container = g_object_ref(container);
    self->id = g_strdup(id);
    self->path = g_build_filename(container->path, id, NULL);
    return self;
}

const char *
hf_process_state_to_string(HfProcessState state)
{
    switch (state) {
    case HF_PROCESS_STATE_CREATING:
        return "creating";
    case HF_PROCESS_STATE_RUNNING:
        return "running";
    case HF_PROCESS_STATE_STOPPED:
        return "stopped";
    }
    g_return_val_if_reached("unknown");
}

const char *
hf_process_get_id(HfProcess *self)
{
    g_return_val_if_fail(HF_IS_PROCESS(self), NULL);
    return self->id;
}

HfContainer *
hf_process_get_container(HfProcess *self)
{
    g_return_val_if_fail(HF_IS_PROCESS(self), NULL);
    return self->container;
}

const char *
hf_process_get_path(HfProcess *self)
{
    g_return_val_if_fail(HF_IS_PROCESS(self), NULL);
    return self->path;
}

HfProcessSpec *
hf_process_dup_spec(HfProcess *self)
{
    g_return_val_if_fail(HF_IS_PROCESS(self), NULL);
    return hf_process_spec_new_for_object(self->file->process);
}

HfStdio *
hf_process_get_stdio(HfProcess *self)
{
    g_return_val_if_fail(HF_IS_PROCESS(self), NULL);
    return self->stdio;
}

HfIo *
hf_process_get_io(HfProcess *self)
{
    g_return_val_if_fail(HF_IS_PROCESS(self), NULL);
    return self->io;
}

int
hf_process_get_system_pid(HfProcess *self)
{
    hf_autofd dir_fd = -1;
    guint64 pid = 0;

    g_return_val_if_fail(HF_IS_PROCESS(self), 0);

    dir_fd = hf_process_open(self, NULL);
    if (dir_fd < 0 || !hf_state_read_number(dir_fd, HF_STATE_PID, &pid, NULL) || pid > G_MAXINT32)
        return 0;
    return (int)pid;
}

int
hf_process_get_monitor_pid(HfProcess *self)
{
    g_autoptr(HfProcessRef) ref = NULL;
    hf_autofd dir_fd = -1;

    g_return_val_if_fail(HF_IS_PROCESS(self), 0);

    dir_fd = hf_process_open(self, NULL);
    ref = dir_fd >= 0 ? hf_process_remains_find_monitor(dir_fd) : NULL;
    return ref != NULL ? (int)hf_process_ref_get_pid(ref) : 0;
}

HfProcessState
hf_process_get_state(HfProcess *self)
{
    g_autoptr(HfProcessRef) ref = NULL;
    g_autoptr(GError) ignored = NULL;
    hf_autofd dir_fd = -1;
    struct stat status;
    pid_t pid = 0;

    g_return_val_if_fail(HF_IS_PROCESS(self), HF_PROCESS_STATE_CREATING);

    ref = hf_process_find(self, &pid, &ignored);
    if (ref != NULL)
        return HF_PROCESS_STATE_RUNNING;
    if (pid != 0)
        return HF_PROCESS_STATE_STOPPED;
    /* A process that was never known by its pid has ended if it has a status. */
    dir_fd = hf_process_open(self, NULL);
    if (dir_fd >= 0 && fstatat(dir_fd, HF_STATE_EXIT_STATUS, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        status.st_size > 0)
        return HF_PROCESS_STATE_STOPPED;
    return HF_PROCESS_STATE_CREATING;
}

guint64
hf_process_count_oom_kills(HfProcess *self)
{
    hf_autofd dir_fd = -1;
    guint64 kills = 0;

    g_return_val_if_fail(HF_IS_PROCESS(self), 0);

    dir_fd = hf_process_open(self, NULL);
    if (dir_fd < 0 || !hf_state_read_number(dir_fd, HF_STATE_OOM, &kills, NULL))
        return 0;
    return kills;
}
