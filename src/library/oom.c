/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The monitor counts OOM kills (cgroup/oom-watch.h) and writes their number to `oom`. This watches
 * that file, and the file that tells of the end. */

#include <errno.h>
#include <holdfast/events.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "library/process-private.h"
#include "library/state-dir.h"
#include "protocol/state-names.h"

#define WATCH_MASK (IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF)

struct _HfOom {
    GObject parent_instance;

    HfProcess *process;
    int inotify_fd;
};

G_DEFINE_FINAL_TYPE(HfOom, hf_oom, G_TYPE_OBJECT)

static void
hf_oom_finalize(GObject *object)
{
    HfOom *self = HF_OOM(object);

    hf_close_fd(&self->inotify_fd);
    g_clear_object(&self->process);
    G_OBJECT_CLASS(hf_oom_parent_class)->finalize(object);
}

static void
hf_oom_class_init(HfOomClass *class)
{
    G_OBJECT_CLASS(class)->finalize = hf_oom_finalize;
}

static void
hf_oom_init(HfOom *self)
{
    self->inotify_fd = -1;
}

HfOom *
hf_oom_new(HfContainer *container, GError **error)
{
    g_autoptr(HfOom) self = g_object_new(HF_TYPE_OOM, NULL);
    g_autoptr(GError) failure = NULL;
    hf_autofd dir_fd = -1;
    char path[64];

    g_return_val_if_fail(HF_IS_CONTAINER(container), NULL);

    self->process = hf_container_get_process(container, HF_INIT_PROCESS_ID, &failure);
    dir_fd = self->process != NULL ? hf_process_open(self->process, &failure) : -1;
    if (dir_fd < 0 && g_error_matches(failure, HF_ERROR, HF_ERROR_NOT_FOUND))
        failure->code = HF_ERROR_CONTAINER_NOT_STARTED;
    if (dir_fd < 0) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return NULL;
    }
    self->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    g_snprintf(path, sizeof path, "/proc/self/fd/%d", dir_fd);
    if (self->inotify_fd < 0 || inotify_add_watch(self->inotify_fd, path, WATCH_MASK) < 0)
        return hf_throw_errno(error, "watch '%s'", self->process->path), NULL;
    return g_steal_pointer(&self);
}

int
hf_oom_get_fd(HfOom *self)
{
    g_return_val_if_fail(HF_IS_OOM(self), -1);

    return self->inotify_fd;
}

const char *
hf_oom_get_container_id(HfOom *self)
{
    g_return_val_if_fail(HF_IS_OOM(self), NULL);

    return hf_container_get_id(self->process->container);
}

guint64
hf_oom_flush(HfOom *self)
{
    char notices[4096];

    g_return_val_if_fail(HF_IS_OOM(self), 0);

    while (read(self->inotify_fd, notices, sizeof notices) > 0)
        continue;
    return hf_process_count_oom_kills(self->process);
}

gboolean
hf_oom_is_removed(HfOom *self)
{
    g_autoptr(GError) failure = NULL;
    hf_autofd dir_fd = -1;

    g_return_val_if_fail(HF_IS_OOM(self), TRUE);

    dir_fd = hf_process_open(self->process, &failure);
    if (dir_fd < 0)
        return g_error_matches(failure, HF_ERROR, HF_ERROR_NOT_FOUND);
    return hf_process_get_state(self->process) == HF_PROCESS_STATE_STOPPED;
}
