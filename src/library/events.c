/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Events are differences between what was known of the files and what they say.
 *
 * inotify only says where to look again: at the root for containers that came or went, at a
 * container for its processes and marks, at a process for its pid, its start, its kills and its
 * exit status. So it does not matter how many changes one look finds, in which order inotify tells
 * them, or whether it lost some (IN_Q_OVERFLOW: everything is looked at). A directory is watched
 * first and looked at afterwards, so nothing falls in between.
 *
 * What is gone before anybody looked leaves no event but DELETED, and not even that if it came and
 * went between two looks.
 *
 * Directories are opened as state-dir.h has it; the time of an event is that of its file. */

#include <errno.h>
#include <fcntl.h>
#include <holdfast/container.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "library/event-private.h"
#include "library/state-dir.h"
#include "protocol/state-names.h"

#define WATCH_MASK                                                                       \
    (IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM | IN_CLOSE_WRITE | IN_ONLYDIR | \
     IN_DONT_FOLLOW)

typedef struct {
    gboolean has_pid;
    gboolean has_started;
    gboolean has_exited;
    guint64 oom_kills;
    gboolean is_seen; /* during a look at the container */
} KnownProcess;

typedef struct {
    GHashTable *processes; /* id -> KnownProcess */
    gboolean is_paused;
    gint64 checkpoint_us; /* when the last one was made; 0: none */
    gboolean is_seen;     /* during a look at the root */
} KnownContainer;

/* What a watch descriptor stands for. */
typedef struct {
    char *container_id; /* NULL: the root */
    char *process_id;   /* NULL: the container, or the root */
} Watch;

struct _HfEvents {
    GObject parent_instance;

    char *root;
    int root_fd;
    int inotify_fd;
    GHashTable *watches;    /* watch descriptor -> Watch */
    GHashTable *containers; /* id -> KnownContainer */
    GQueue *queue;          /* of HfEvent, to be handed out */
    GError *failure;        /* a watch could not be made: what happens there is not seen */
};

G_DEFINE_FINAL_TYPE(HfEvents, hf_events, G_TYPE_OBJECT)

static void
known_container_free(gpointer data)
{
    KnownContainer *container = data;

    g_hash_table_unref(container->processes);
    g_free(container);
}

static void
watch_free(gpointer data)
{
    Watch *watch = data;

    g_free(watch->container_id);
    g_free(watch->process_id);
    g_free(watch);
}

static void
hf_events_finalize(GObject *object)
{
    HfEvents *self = HF_EVENTS(object);

    hf_close_fd(&self->inotify_fd);
    hf_close_fd(&self->root_fd);
    g_hash_table_unref(self->watches);
    g_hash_table_unref(self->containers);
    g_queue_free_full(self->queue, (GDestroyNotify)hf_event_free);
    g_clear_error(&self->failure);
    g_free(self->root);
    G_OBJECT_CLASS(hf_events_parent_class)->finalize(object);
}

static void
hf_events_class_init(HfEventsClass *class)
{
    G_OBJECT_CLASS(class)->finalize = hf_events_finalize;
}

static void
hf_events_init(HfEvents *self)
{
    self->root_fd = -1;
    self->inotify_fd = -1;
    self->watches = g_hash_table_new_full(NULL, NULL, NULL, watch_free);
    self->containers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, known_container_free);
    self->queue = g_queue_new();
}

/* By the descriptor, so that what is looked at is what is watched. That it is gone already is left
 * to the next look. */
static void
watch_directory(HfEvents *self, int dir_fd, const char *container_id, const char *process_id)
{
    char path[64];
    int descriptor = -1;
    Watch *watch = NULL;

    g_snprintf(path, sizeof path, "/proc/self/fd/%d", dir_fd);
    descriptor = inotify_add_watch(self->inotify_fd, path, WATCH_MASK & ~(guint)IN_DONT_FOLLOW);
    if (descriptor < 0 && errno != ENOENT && self->failure == NULL)
        hf_throw_errno(&self->failure, "watch a directory in '%s'", self->root);
    if (descriptor < 0)
        return;
    watch = g_new0(Watch, 1);
    watch->container_id = g_strdup(container_id);
    watch->process_id = g_strdup(process_id);
    g_hash_table_insert(self->watches, GINT_TO_POINTER(descriptor), watch);
}

/* When the file was written; FALSE if there is none. */
static gboolean
get_file_time(int dir_fd, const char *name, gint64 *out_time_us)
{
    struct stat info;

    if (fstatat(dir_fd, name, &info, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(info.st_mode))
        return FALSE;
    *out_time_us = (gint64)info.st_mtim.tv_sec * G_USEC_PER_SEC + info.st_mtim.tv_nsec / 1000;
    return TRUE;
}

static HfEvent *
add_event(HfEvents *self, HfEventType type, const char *container_id, const char *process_id,
          gint64 time_us, gint64 number)
{
    HfEvent *event = hf_event_new(type, container_id, process_id, time_us, number);

    g_queue_push_tail(self->queue, event);
    return event;
}

/* An exec runs from its pid on; a first process is created by then, and `started` tells the rest.
 */
static void
look_at_start(HfEvents *self, int dir_fd, const char *container_id, const char *process_id,
              KnownProcess *process)
{
    gboolean is_init = g_str_equal(process_id, HF_STATE_INIT);
    gint64 time_us = 0;
    guint64 pid = 0;

    if (!process->has_pid && hf_state_read_number(dir_fd, HF_STATE_PID, &pid, NULL) &&
        get_file_time(dir_fd, HF_STATE_PID, &time_us)) {
        process->has_pid = TRUE;
        add_event(self, is_init ? HF_EVENT_CREATED : HF_EVENT_STARTED, container_id, process_id,
                  time_us, (gint64)pid);
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

static void
look_at_process(HfEvents *self, int container_fd, const char *container_id, const char *process_id,
                KnownContainer *container)
{
    hf_autofd dir_fd = hf_state_open_dir(container_fd, process_id, process_id, NULL);
    KnownProcess *process = g_hash_table_lookup(container->processes, process_id);

    if (dir_fd < 0)
        return;
    if (process == NULL) {
        process = g_new0(KnownProcess, 1);
        g_hash_table_insert(container->processes, g_strdup(process_id), process);
        watch_directory(self, dir_fd, container_id, process_id);
    }
    process->is_seen = TRUE;
    look_at_start(self, dir_fd, container_id, process_id, process);
    look_at_end(self, dir_fd, container_id, process_id, process);
}

/* The marks that the library leaves beside the processes. */
static void
look_at_marks(HfEvents *self, int dir_fd, const char *id, KnownContainer *container)
{
    gint64 time_us = 0;
    gboolean is_paused = get_file_time(dir_fd, HF_STATE_PAUSED, &time_us);

    if (is_paused != container->is_paused) {
        container->is_paused = is_paused;
        add_event(self, is_paused ? HF_EVENT_PAUSED : HF_EVENT_RESUMED, id, NULL,
                  is_paused ? time_us : g_get_real_time(), 0);
    }
    if (get_file_time(dir_fd, HF_STATE_CHECKPOINTED, &time_us) &&
        time_us != container->checkpoint_us) {
        HfEvent *event = add_event(self, HF_EVENT_CHECKPOINTED, id, NULL, time_us, 0);

        container->checkpoint_us = time_us;
        event->checkpoint = hf_state_read_file(dir_fd, HF_STATE_CHECKPOINTED, NULL, NULL);
    }
}

/* The names in a directory that may be ids. (transfer full) */
static GPtrArray *
list_ids(int dir_fd)
{
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    char path[64];
    g_autoptr(GDir) dir = NULL;
    const char *name = NULL;

    g_snprintf(path, sizeof path, "/proc/self/fd/%d", dir_fd);
    dir = g_dir_open(path, 0, NULL);
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        if (hf_state_check_id("container", name, NULL))
            g_ptr_array_add(ids, g_strdup(name));
    }
    return g_steal_pointer(&ids);
}

static gboolean
is_unseen_process(gpointer key, gpointer value, gpointer user_data)
{
    KnownProcess *process = value;
    gboolean is_seen = process->is_seen;

    process->is_seen = FALSE;
    return !is_seen;
}

static void
look_at_container(HfEvents *self, const char *id)
{
    KnownContainer *container = g_hash_table_lookup(self->containers, id);
    hf_autofd dir_fd = hf_state_open_dir(self->root_fd, id, id, NULL);
    g_autoptr(GPtrArray) ids = NULL;

    if (dir_fd < 0)
        return;
    if (container == NULL) {
        container = g_new0(KnownContainer, 1);
        container->processes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        g_hash_table_insert(self->containers, g_strdup(id), container);
        watch_directory(self, dir_fd, id, NULL);
    }
    container->is_seen = TRUE;
    ids = list_ids(dir_fd);
    for (guint i = 0; i < ids->len; i++)
        look_at_process(self, dir_fd, id, g_ptr_array_index(ids, i), container);
    g_hash_table_foreach_remove(container->processes, is_unseen_process, NULL);
    look_at_marks(self, dir_fd, id, container);
}

static void
look_at_all(HfEvents *self)
{
    g_autoptr(GPtrArray) ids = list_ids(self->root_fd);
    GHashTableIter iter;
    gpointer id = NULL;
    gpointer value = NULL;

    for (guint i = 0; i < ids->len; i++)
        look_at_container(self, g_ptr_array_index(ids, i));
    g_hash_table_iter_init(&iter, self->containers);
    while (g_hash_table_iter_next(&iter, &id, &value)) {
        KnownContainer *container = value;

        if (container->is_seen) {
            container->is_seen = FALSE;
            continue;
        }
        add_event(self, HF_EVENT_DELETED, id, NULL, g_get_real_time(), 0);
        g_hash_table_iter_remove(&iter);
    }
}

static void
handle_notice(HfEvents *self, const struct inotify_event *notice)
{
    gpointer key = GINT_TO_POINTER(notice->wd);
    const Watch *watch = g_hash_table_lookup(self->watches, key);

    if ((notice->mask & IN_Q_OVERFLOW) != 0 || (watch != NULL && watch->container_id == NULL)) {
        look_at_all(self);
        return;
    }
    if (watch == NULL)
        return;
    if ((notice->mask & IN_IGNORED) != 0) {
        g_hash_table_remove(self->watches, key);
        return;
    }
    if (g_hash_table_contains(self->containers, watch->container_id)) {
        g_autofree char *id = g_strdup(watch->container_id);

        look_at_container(self, id);
    }
}

/* Reads what inotify has, without waiting. */
static gboolean
read_notices(HfEvents *self, GError **error)
{
    union {
        struct inotify_event align;
        char bytes[16384];
    } buffer;

    for (;;) {
        ssize_t length = read(self->inotify_fd, buffer.bytes, sizeof buffer.bytes);
        ssize_t at = 0;

        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0 && errno == EAGAIN)
            return TRUE;
        if (length <= 0)
            return hf_throw_errno(error, "read inotify events for '%s'", self->root);
        while (at < length) {
            struct inotify_event notice;

            memcpy(&notice, buffer.bytes + at, sizeof notice);
            handle_notice(self, &notice);
            at += (ssize_t)(sizeof notice + notice.len);
        }
    }
}

static int
compare_times(gconstpointer a, gconstpointer b, gpointer user_data)
{
    const HfEvent *first = a;
    const HfEvent *second = b;

    return (first->time_us > second->time_us) - (first->time_us < second->time_us);
}

HfEvents *
hf_events_new(const char *root, GError **error)
{
    g_autoptr(HfEvents) self = g_object_new(HF_TYPE_EVENTS, NULL);

    self->root = root != NULL ? g_canonicalize_filename(root, NULL) : hf_default_root();
    self->root_fd = hf_state_open_root(self->root, true, error);
    if (self->root_fd < 0)
        return NULL;
    self->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (self->inotify_fd < 0)
        return hf_throw_errno(error, "watch '%s'", self->root), NULL;
    watch_directory(self, self->root_fd, NULL, NULL);
    if (self->failure != NULL) {
        g_propagate_error(error, g_steal_pointer(&self->failure));
        return NULL;
    }
    look_at_all(self);
    g_queue_sort(self->queue, compare_times, NULL);
    return g_steal_pointer(&self);
}

int
hf_events_get_fd(HfEvents *self)
{
    g_return_val_if_fail(HF_IS_EVENTS(self), -1);

    return self->inotify_fd;
}

HfEvent *
hf_events_try_next(HfEvents *self, GError **error)
{
    g_return_val_if_fail(HF_IS_EVENTS(self), NULL);

    if (g_queue_is_empty(self->queue) && !read_notices(self, error))
        return NULL;
    if (self->failure != NULL) {
        g_propagate_error(error, g_steal_pointer(&self->failure));
        return NULL;
    }
    return g_queue_pop_head(self->queue);
}

static gboolean
wait_for_notice(HfEvents *self, GCancellable *cancellable, GError **error)
{
    GPollFD cancel = {.fd = -1};
    struct pollfd polls[2];

    if (cancellable != NULL && !g_cancellable_make_pollfd(cancellable, &cancel))
        cancel.fd = -1;
    polls[0] = (struct pollfd){.fd = self->inotify_fd, .events = POLLIN};
    polls[1] = (struct pollfd){.fd = cancel.fd, .events = POLLIN};
    (void)poll(polls, G_N_ELEMENTS(polls), -1);
    if (cancel.fd >= 0)
        g_cancellable_release_fd(cancellable);
    return !g_cancellable_set_error_if_cancelled(cancellable, error);
}

HfEvent *
hf_events_next(HfEvents *self, GCancellable *cancellable, GError **error)
{
    g_return_val_if_fail(HF_IS_EVENTS(self), NULL);

    for (;;) {
        g_autoptr(GError) local_error = NULL;
        HfEvent *event = hf_events_try_next(self, &local_error);

        if (event != NULL)
            return event;
        if (local_error != NULL) {
            g_propagate_error(error, g_steal_pointer(&local_error));
            return NULL;
        }
        if (!wait_for_notice(self, cancellable, error))
            return NULL;
    }
}
