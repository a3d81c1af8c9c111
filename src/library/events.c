/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Events are differences between what was known of the files and what they say.
 *
 * inotify only says which containers to look at again: at one that came or went, at one whose
 * processes or marks changed, at one of whose processes a pid, start, kill or exit status was
 * written. So it does not matter how many changes one look finds, in which order inotify tells
 * them, or whether it lost some (IN_Q_OVERFLOW: everything is looked at). A directory is watched
 * first and looked at afterwards, so nothing falls in between. What was removed before a look is in
 * the spool. What one round of looks finds is handed out in the order of its times. */

#include <errno.h>
#include <holdfast/container.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "library/event-private.h"
#include "library/events-private.h"
#include "library/state-dir.h"

G_DEFINE_FINAL_TYPE(HfEvents, hf_events, G_TYPE_OBJECT)

static void
hf_events_finalize(GObject *object)
{
    HfEvents *self = HF_EVENTS(object);

    hf_events_spool_close(&self->spool, self->root_fd);
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
    self->root_watch = -1;
    self->spool = (HfEventsSpool){.fd = -1, .lock_fd = -1};
    self->spool_watch = -1;
    self->has_spooled = TRUE;
    self->watches = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    self->containers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, hf_events_known_free);
    self->queue = g_queue_new();
}

static void
add_id(GHashTable *ids, const char *id)
{
    if (!g_hash_table_contains(ids, id))
        g_hash_table_add(ids, g_strdup(id));
}

/* Adds all that there are, and all that there were. */
static void
add_all_ids(HfEvents *self, GHashTable *ids)
{
    g_autoptr(GPtrArray) names = hf_events_list_ids(self->root_fd);
    GHashTableIter iter;
    gpointer id = NULL;

    for (guint i = 0; names != NULL && i < names->len; i++)
        add_id(ids, g_ptr_array_index(names, i));
    g_hash_table_iter_init(&iter, self->containers);
    while (g_hash_table_iter_next(&iter, &id, NULL))
        add_id(ids, id);
}

/* Adds to @ids where @notice says to look; @name is "" if it is of a directory itself. */
static void
add_notice(HfEvents *self, const struct inotify_event *notice, const char *name, GHashTable *ids)
{
    const char *id = g_hash_table_lookup(self->watches, HF_EVENTS_KEY(notice->wd));
    gboolean is_root = notice->wd == self->root_watch;

    if ((notice->mask & IN_Q_OVERFLOW) != 0 || notice->wd == self->spool_watch)
        self->has_spooled = TRUE;
    if ((notice->mask & IN_Q_OVERFLOW) != 0 || (is_root && *name == '\0'))
        add_all_ids(self, ids);
    else if (is_root && hf_state_check_id("container", name, NULL))
        add_id(ids, name);
    else if (id != NULL)
        add_id(ids, id);
    if ((notice->mask & IN_IGNORED) != 0)
        g_hash_table_remove(self->watches, HF_EVENTS_KEY(notice->wd));
}

static int
compare_times(gconstpointer a, gconstpointer b, gpointer user_data)
{
    const HfEvent *first = a;
    const HfEvent *second = b;

    return (first->time_us > second->time_us) - (first->time_us < second->time_us);
}

static void
look_at_each(HfEvents *self, GHashTable *ids)
{
    GHashTableIter iter;
    gpointer id = NULL;

    g_hash_table_iter_init(&iter, ids);
    while (g_hash_table_iter_next(&iter, &id, NULL))
        hf_events_look(self, id);
    /* After them: what they have seen was still there. */
    if (self->has_spooled) {
        self->has_spooled = FALSE;
        hf_events_look_at_spool(self, NULL);
    }
    g_queue_sort(self->queue, compare_times, NULL);
}

/* Reads what inotify has, without waiting, until there is an event to hand out. */
static gboolean
read_notices(HfEvents *self, GError **error)
{
    union {
        struct inotify_event align;
        char bytes[16384];
    } buffer;

    while (g_queue_is_empty(self->queue) && self->failure == NULL) {
        g_autoptr(GHashTable) ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        ssize_t length = read(self->inotify_fd, buffer.bytes, sizeof buffer.bytes);
        ssize_t at = 0;

        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0 && errno == EAGAIN)
            return TRUE;
        if (length <= 0)
            return hf_throw_errno(error, "read inotify events for '%s'", self->root);
        while (at < length) {
            const struct inotify_event *notice = (const void *)(buffer.bytes + at);

            add_notice(self, notice, notice->len > 0 ? notice->name : "", ids);
            at += (ssize_t)(sizeof *notice + notice->len);
        }
        look_at_each(self, ids);
    }
    return TRUE;
}

/* Who may not write to the root follows without one, and may miss what is removed at once. */
static void
open_spool(HfEvents *self)
{
    g_autoptr(GError) failure = NULL;

    if (!hf_events_spool_open(&self->spool, self->root_fd, &failure))
        g_debug("make a spool in '%s': %s", self->root, failure->message);
    else
        self->spool_watch = hf_events_watch_spool(self);
}

HfEvents *
hf_events_new(const char *root, GError **error)
{
    g_autoptr(HfEvents) self = g_object_new(HF_TYPE_EVENTS, NULL);
    g_autoptr(GHashTable) ids = NULL;

    self->root = root != NULL ? g_canonicalize_filename(root, NULL) : hf_default_root();
    self->root_fd = hf_state_open_root(self->root, true, error);
    if (self->root_fd < 0)
        return NULL;
    self->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (self->inotify_fd < 0)
        return hf_throw_errno(error, "watch '%s'", self->root), NULL;
    open_spool(self);
    self->root_watch = hf_events_watch(self, self->root_fd, NULL);
    if (self->failure != NULL) {
        g_propagate_error(error, g_steal_pointer(&self->failure));
        return NULL;
    }
    ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    add_all_ids(self, ids);
    look_at_each(self, ids);
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
