/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What a look at a container finds.
 *
 * A name may be used again between two looks. Each look adds the watch anew: the descriptor is the
 * same for the same directory, and another for another of that name.
 *
 * What the library removes is in the spool by then (events-spool.h), and is looked at there before
 * it is forgotten. What somebody else removes before anybody looked leaves no event but DELETED,
 * and not even that if it came and went between two looks. Of two checkpoints that are made between
 * two looks there is one event. What cannot be looked at for want of descriptors or memory is as it
 * was until the next look.
 *
 * Directories are opened as state-dir.h has it; the time of an event is that of its file, or of the
 * directory where its file was removed. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "library/event-private.h"
#include "library/events-private.h"
#include "library/events-seccomp.h"
#include "library/state-dir.h"
#include "protocol/state-names.h"
#include "state/process-file.h"

#define WATCH_MASK \
    (IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM | IN_CLOSE_WRITE | IN_ONLYDIR)

typedef struct {
    int watch;
    gboolean has_pid;
    ino_t pid_inode; /* of the file, which is linked into the spool */
    gboolean has_started;
    gboolean has_exited;
    guint64 oom_kills;
    HfEventsSeccomp seccomp;
    gboolean is_seen; /* during a look at the container */
} KnownProcess;

typedef struct {
    int watch;
    GHashTable *processes; /* id -> KnownProcess */
    gboolean is_paused;
    gint64 paused_us;     /* when it was paused last; 0: never */
    gint64 checkpoint_us; /* when the last one was made; 0: none */
} KnownContainer;

void
hf_events_known_free(gpointer data)
{
    KnownContainer *container = data;

    g_hash_table_unref(container->processes);
    g_free(container);
}

/* By the descriptor, so that what is looked at is what is watched. */
static int
add_watch(HfEvents *self, int fd, guint32 mask, const char *container_id)
{
    char path[64];
    int watch = -1;

    g_snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    watch = inotify_add_watch(self->inotify_fd, path, mask);
    if (watch < 0 && errno != ENOENT && self->failure == NULL)
        hf_throw_errno(&self->failure, "watch a %s in '%s'",
                       (mask & IN_ONLYDIR) != 0 ? "directory" : "file", self->root);
    if (watch >= 0 && container_id != NULL &&
        !g_hash_table_contains(self->watches, HF_EVENTS_KEY(watch)))
        g_hash_table_insert(self->watches, HF_EVENTS_KEY(watch), g_strdup(container_id));
    return watch;
}

int
hf_events_watch(HfEvents *self, int dir_fd, const char *container_id)
{
    return add_watch(self, dir_fd, WATCH_MASK, container_id);
}

int
hf_events_watch_file(HfEvents *self, int fd, const char *container_id)
{
    return add_watch(self, fd, IN_MODIFY, container_id);
}

int
hf_events_watch_spool(HfEvents *self)
{
    return add_watch(self, self->spool.fd, IN_MOVED_TO | IN_ONLYDIR, NULL);
}

void
hf_events_unwatch(HfEvents *self, int watch)
{
    if (g_hash_table_remove(self->watches, HF_EVENTS_KEY(watch)))
        (void)inotify_rm_watch(self->inotify_fd, watch);
}

static gint64
to_us(const struct timespec *time)
{
    return (gint64)time->tv_sec * G_USEC_PER_SEC + time->tv_nsec / 1000;
}

/* When something was made or removed in it last. */
static gint64
get_directory_time(int dir_fd)
{
    struct stat info;

    return fstat(dir_fd, &info) == 0 ? to_us(&info.st_mtim) : g_get_real_time();
}

static gboolean
get_file_status(int dir_fd, const char *name, struct stat *out_status)
{
    return fstatat(dir_fd, name, out_status, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(out_status->st_mode);
}

/* When the file was written; FALSE if there is none. */
static gboolean
get_file_time(int dir_fd, const char *name, gint64 *out_time_us)
{
    struct stat status;

    if (!get_file_status(dir_fd, name, &status))
        return FALSE;
    *out_time_us = to_us(&status.st_mtim);
    return TRUE;
}

static void
stop_watching(HfEvents *self, KnownProcess *process)
{
    hf_events_unwatch(self, process->watch);
    hf_events_forget_seccomp(self, &process->seccomp);
}

static HfEvent *
add_event(HfEvents *self, HfEventType type, const char *container_id, const char *process_id,
          gint64 time_us, gint64 number)
{
    HfEvent *event = hf_event_new(type, container_id, process_id, time_us, number);

    g_queue_push_tail(self->queue, event);
    return event;
}

/* Whether the process came from a checkpoint: it runs from its pid on. */
static gboolean
is_restored(int dir_fd)
{
    gsize length = 0;
    g_autofree char *text = hf_state_read_file(dir_fd, HF_STATE_PROCESS, &length, NULL);
    g_autoptr(HfProcessFile) file = text != NULL ? hf_process_file_parse(text, length, NULL) : NULL;

    return file != NULL && *file->checkpoint != '\0';
}

/* An exec runs from its pid on; a first process is created by then, and `started` tells the rest.
 */
static void
look_at_start(HfEvents *self, int dir_fd, const char *container_id, const char *process_id,
              KnownProcess *process)
{
    gboolean is_init = g_str_equal(process_id, HF_STATE_INIT);
    struct stat status;
    gint64 time_us = 0;
    guint64 pid = 0;

    if (!process->has_pid && hf_state_read_number(dir_fd, HF_STATE_PID, &pid, NULL) &&
        get_file_status(dir_fd, HF_STATE_PID, &status)) {
        process->has_pid = TRUE;
        process->pid_inode = status.st_ino;
        time_us = to_us(&status.st_mtim);
        add_event(self, is_init ? HF_EVENT_CREATED : HF_EVENT_STARTED, container_id, process_id,
                  time_us, (gint64)pid);
        if (is_init && is_restored(dir_fd)) {
            process->has_started = TRUE;
            add_event(self, HF_EVENT_STARTED, container_id, process_id, time_us, (gint64)pid);
        }
    }
    if (!process->has_started && get_file_time(dir_fd, HF_STATE_STARTED, &time_us)) {
        if (!hf_state_read_number(dir_fd, HF_STATE_PID, &pid, NULL))
            pid = 0;
        process->has_started = TRUE;
        add_event(self, HF_EVENT_STARTED, container_id, process_id, time_us, (gint64)pid);
    }
}

static void
look_at_end(HfEvents *self, int dir_fd, const char *container_id, const char *process_id,
            KnownProcess *process)
{
    gint64 time_us = 0;
    guint64 number = 0;

    if (hf_state_read_number(dir_fd, HF_STATE_OOM, &number, NULL) && number > process->oom_kills &&
        get_file_time(dir_fd, HF_STATE_OOM, &time_us)) {
        process->oom_kills = number;
        add_event(self, HF_EVENT_OOM, container_id, process_id, time_us, (gint64)number);
    }
    if (!process->has_exited && hf_state_read_number(dir_fd, HF_STATE_EXIT_STATUS, &number, NULL) &&
        get_file_time(dir_fd, HF_STATE_EXIT_STATUS, &time_us)) {
        process->has_exited = TRUE;
        add_event(self, HF_EVENT_EXITED, container_id, process_id, time_us, (gint64)number);
    }
}

/* @dir_fd: in the root, or in the spool. */
static void
look_in_process(HfEvents *self, int dir_fd, const char *container_id, const char *process_id,
                KnownProcess *process)
{
    look_at_start(self, dir_fd, container_id, process_id, process);
    look_at_end(self, dir_fd, container_id, process_id, process);
    hf_events_look_at_seccomp(self, dir_fd, container_id, process_id, &process->seccomp);
}

/* NULL: it is gone or cannot be watched. One that has the name of another takes its place. */
static KnownProcess *
know_process(HfEvents *self, int dir_fd, const char *container_id, const char *process_id,
             KnownContainer *container)
{
    KnownProcess *process = g_hash_table_lookup(container->processes, process_id);
    int watch = hf_events_watch(self, dir_fd, container_id);

    if (watch < 0 || (process != NULL && process->watch == watch))
        return process;
    if (process != NULL)
        stop_watching(self, process);
    process = g_new0(KnownProcess, 1);
    process->watch = watch;
    g_hash_table_insert(container->processes, g_strdup(process_id), process);
    return process;
}

static void
look_at_process(HfEvents *self, int container_fd, const char *container_id, const char *process_id,
                KnownContainer *container)
{
    g_autoptr(GError) failure = NULL;
    hf_autofd dir_fd = hf_state_open_dir(container_fd, process_id, process_id, &failure);
    KnownProcess *process = NULL;

    if (dir_fd >= 0)
        process = know_process(self, dir_fd, container_id, process_id, container);
    else if (!g_error_matches(failure, HF_ERROR, HF_ERROR_NOT_FOUND))
        process = g_hash_table_lookup(container->processes, process_id);
    if (process == NULL)
        return;
    process->is_seen = TRUE;
    if (dir_fd >= 0)
        look_in_process(self, dir_fd, container_id, process_id, process);
}

static void
set_paused(HfEvents *self, const char *id, KnownContainer *container, gboolean is_paused,
           gint64 time_us)
{
    add_event(self, is_paused ? HF_EVENT_PAUSED : HF_EVENT_RESUMED, id, NULL, time_us, 0);
    container->is_paused = is_paused;
    if (is_paused)
        container->paused_us = time_us;
}

/* The pause that the mark stands for, unless it was told, and the end of one before it. */
static void
look_at_mark(HfEvents *self, const char *id, KnownContainer *container, gint64 time_us)
{
    if (time_us == container->paused_us)
        return;
    if (container->is_paused)
        set_paused(self, id, container, FALSE, time_us);
    set_paused(self, id, container, TRUE, time_us);
}

static void
look_at_pause(HfEvents *self, int dir_fd, const char *id, KnownContainer *container)
{
    gint64 time_us = 0;
    gboolean has_mark = get_file_time(dir_fd, HF_STATE_PAUSED, &time_us);

    if (has_mark ? time_us == container->paused_us : !container->is_paused)
        return;
    /* That it is over comes before whatever is there now. */
    hf_events_look_at_spool(self, id);
    if (has_mark)
        look_at_mark(self, id, container, time_us);
    else if (container->is_paused)
        set_paused(self, id, container, FALSE, get_directory_time(dir_fd));
}

static void
look_at_checkpoint(HfEvents *self, int dir_fd, const char *id, KnownContainer *container)
{
    HfEvent *event = NULL;
    gint64 time_us = 0;

    if (!get_file_time(dir_fd, HF_STATE_CHECKPOINTED, &time_us) ||
        time_us == container->checkpoint_us)
        return;
    event = add_event(self, HF_EVENT_CHECKPOINTED, id, NULL, time_us, 0);
    container->checkpoint_us = time_us;
    event->checkpoint = hf_state_read_file(dir_fd, HF_STATE_CHECKPOINTED, NULL, NULL);
}

GPtrArray *
hf_events_list_ids(int dir_fd)
{
    GPtrArray *names = hf_state_list_names(dir_fd, NULL);

    for (guint i = names != NULL ? names->len : 0; i > 0; i--) {
        if (!hf_state_check_id("container", g_ptr_array_index(names, i - 1), NULL))
            g_ptr_array_remove_index(names, i - 1);
    }
    return names;
}

static gboolean
is_all_seen(const KnownContainer *container)
{
    GHashTableIter iter;
    gpointer value = NULL;

    g_hash_table_iter_init(&iter, container->processes);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        if (!((const KnownProcess *)value)->is_seen)
            return FALSE;
    }
    return TRUE;
}

static void
look_at_processes(HfEvents *self, int dir_fd, const char *id, KnownContainer *container)
{
    g_autoptr(GPtrArray) ids = hf_events_list_ids(dir_fd);
    GHashTableIter iter;
    gpointer value = NULL;

    if (ids == NULL)
        return;
    for (guint i = 0; i < ids->len; i++)
        look_at_process(self, dir_fd, id, g_ptr_array_index(ids, i), container);
    /* What is not there any more was in the spool before. */
    if (!is_all_seen(container))
        hf_events_look_at_spool(self, id);
    g_hash_table_iter_init(&iter, container->processes);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        KnownProcess *process = value;

        if (!process->is_seen) {
            stop_watching(self, process);
            g_hash_table_iter_remove(&iter);
            continue;
        }
        process->is_seen = FALSE;
    }
}

static void
forget(HfEvents *self, const char *id, gint64 time_us)
{
    KnownContainer *container = g_hash_table_lookup(self->containers, id);
    GHashTableIter iter;
    gpointer value = NULL;

    hf_events_look_at_spool(self, id);
    g_hash_table_iter_init(&iter, container->processes);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        stop_watching(self, value);
    hf_events_unwatch(self, container->watch);
    add_event(self, HF_EVENT_DELETED, id, NULL, time_us, 0);
    g_hash_table_remove(self->containers, id);
}

/* NULL: it is gone or cannot be watched. One that has the name of another takes its place. */
static KnownContainer *
know_container(HfEvents *self, int dir_fd, const char *id)
{
    KnownContainer *container = g_hash_table_lookup(self->containers, id);
    int watch = hf_events_watch(self, dir_fd, id);
    gint64 time_us = 0;

    if (watch < 0 || (container != NULL && container->watch == watch))
        return container;
    if (container != NULL)
        forget(self, id,
               get_file_time(dir_fd, HF_STATE_CONTAINER, &time_us) ? time_us
                                                                   : get_directory_time(dir_fd));
    container = g_new0(KnownContainer, 1);
    container->watch = watch;
    container->processes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_hash_table_insert(self->containers, g_strdup(id), container);
    return container;
}

void
hf_events_look(HfEvents *self, const char *id)
{
    g_autoptr(GError) failure = NULL;
    hf_autofd dir_fd = hf_state_open_dir(self->root_fd, id, id, &failure);
    KnownContainer *container = NULL;

    if (dir_fd >= 0)
        container = know_container(self, dir_fd, id);
    else if (g_error_matches(failure, HF_ERROR, HF_ERROR_NOT_FOUND) &&
             g_hash_table_contains(self->containers, id))
        forget(self, id, get_directory_time(self->root_fd));
    if (container == NULL)
        return;
    look_at_processes(self, dir_fd, id, container);
    look_at_pause(self, dir_fd, id, container);
    look_at_checkpoint(self, dir_fd, id, container);
}

/* A name may be used again: it is the same process if it is the same file. */
static KnownProcess *
find_process(KnownContainer *container, int dir_fd, const char *process_id)
{
    KnownProcess *process =
        container != NULL ? g_hash_table_lookup(container->processes, process_id) : NULL;
    struct stat status;

    if (process == NULL || !process->has_pid ||
        (get_file_status(dir_fd, HF_STATE_PID, &status) && status.st_ino == process->pid_inode))
        return process;
    return NULL;
}

static gboolean
look_at_removed_process(HfEvents *self, int container_fd, const char *container_id,
                        const char *process_id, KnownContainer *container)
{
    hf_autofd dir_fd = hf_state_open_dir(container_fd, process_id, process_id, NULL);
    KnownProcess unknown = {0};
    KnownProcess *process = NULL;

    if (dir_fd < 0)
        return FALSE;
    process = find_process(container, dir_fd, process_id);
    look_in_process(self, dir_fd, container_id, process_id, process != NULL ? process : &unknown);
    hf_events_forget_seccomp(self, &unknown.seccomp);
    return TRUE;
}

static void
look_at_removed_mark(HfEvents *self, int dir_fd, const char *id, KnownContainer *container)
{
    gint64 time_us = 0;

    if (!get_file_time(dir_fd, HF_STATE_PAUSED, &time_us))
        return;
    look_at_mark(self, id, container, time_us);
    if (container->is_paused)
        set_paused(self, id, container, FALSE, get_directory_time(dir_fd));
}

/* A container that nobody has looked at goes with its first process. */
static void
look_at_removed(HfEvents *self, int dir_fd, const char *id)
{
    g_autoptr(GPtrArray) ids = hf_events_list_ids(dir_fd);
    KnownContainer *container = g_hash_table_lookup(self->containers, id);
    KnownContainer unknown = {0};
    gboolean has_init = FALSE;

    for (guint i = 0; ids != NULL && i < ids->len; i++) {
        const char *process_id = g_ptr_array_index(ids, i);

        if (look_at_removed_process(self, dir_fd, id, process_id, container))
            has_init = has_init || g_str_equal(process_id, HF_STATE_INIT);
    }
    look_at_removed_mark(self, dir_fd, id, container != NULL ? container : &unknown);
    if (container == NULL && has_init)
        add_event(self, HF_EVENT_DELETED, id, NULL, get_directory_time(dir_fd), 0);
}

void
hf_events_look_at_spool(HfEvents *self, const char *id)
{
    g_autoptr(GPtrArray) turns = hf_events_spool_list(&self->spool);

    for (guint i = 0; turns != NULL && i < turns->len; i++) {
        const char *turn = g_ptr_array_index(turns, i);
        const char *turn_id = hf_events_spool_get_id(turn);

        if (id != NULL && !g_str_equal(id, turn_id))
            continue;
        hf_autofd dir_fd = hf_state_open_dir(self->spool.fd, turn, turn, NULL);
        if (dir_fd >= 0)
            look_at_removed(self, dir_fd, turn_id);
        (void)hf_state_remove_tree(self->spool.fd, turn, NULL);
    }
}
