/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/lock-file.h"
#include "library/events-spool.h"
#include "library/state-dir.h"
#include "protocol/state-names.h"

/* In a process directory, what events are told by. */
static const char *const process_files[] = {
    HF_STATE_PROCESS,     HF_STATE_PID,     HF_STATE_STARTED,      HF_STATE_OOM,
    HF_STATE_EXIT_STATUS, HF_STATE_SECCOMP, HF_STATE_SECCOMP_FULL, NULL,
};

/* A time, a number and the container's id. */
#define TURN_FORMAT "%016" G_GINT64_MODIFIER "x-%08x-%s"
#define TURN_ID_AT (16 + 1 + 8 + 1)

static int
open_made(int dir_fd, const char *name, GError **error)
{
    if (mkdirat(dir_fd, name, 0700) < 0)
        return hf_throw_errno(error, "make the directory '%s'", name), -1;
    return hf_state_open_dir(dir_fd, name, name, error);
}

gboolean
hf_events_spool_open(HfEventsSpool *self, int root_fd, GError **error)
{
    g_autofree char *name = g_strdup_printf("%s%08x", HF_EVENTS_SPOOL_PREFIX, g_random_int());
    g_autofree char *unlocked = g_strconcat(HF_STATE_NEW_PREFIX, name + 1, NULL);
    hf_autofd fd = open_made(root_fd, unlocked, error);
    hf_autofd lock_fd = -1;

    /* It gets its name when it is locked: without its lock it would be a dead follower's. */
    if (fd >= 0 && hf_lock_file_try_take(fd, HF_STATE_LOCK, &lock_fd, error) == HF_LOCK_TAKEN &&
        (renameat(root_fd, unlocked, root_fd, name) == 0 ||
         hf_throw_errno(error, "rename '%s'", unlocked))) {
        self->fd = hf_steal_fd(&fd);
        self->lock_fd = hf_steal_fd(&lock_fd);
        self->name = g_steal_pointer(&name);
        return TRUE;
    }
    if (fd >= 0)
        (void)hf_state_remove_tree(root_fd, unlocked, NULL);
    return FALSE;
}

void
hf_events_spool_close(HfEventsSpool *self, int root_fd)
{
    g_autoptr(GError) failure = NULL;

    if (self->name != NULL && !hf_state_remove_tree(root_fd, self->name, &failure))
        g_debug("remove '%s': %s", self->name, failure->message);
    hf_close_fd(&self->fd);
    hf_close_fd(&self->lock_fd);
    g_clear_pointer(&self->name, g_free);
}

static bool
is_turn(const char *name)
{
    return *name != '.' && strlen(name) > TURN_ID_AT;
}

const char *
hf_events_spool_get_id(const char *name)
{
    return name + TURN_ID_AT;
}

GPtrArray *
hf_events_spool_list(const HfEventsSpool *self)
{
    GPtrArray *names = self->fd >= 0 ? hf_state_list_names(self->fd, NULL) : NULL;

    for (guint i = names != NULL ? names->len : 0; i > 0; i--) {
        if (!is_turn(g_ptr_array_index(names, i - 1)))
            g_ptr_array_remove_index(names, i - 1);
    }
    return names;
}

static gboolean
link_files(int from_fd, const char *const *names, int to_fd, GError **error)
{
    for (; *names != NULL; names++) {
        if (linkat(from_fd, *names, to_fd, *names, 0) < 0 && errno != ENOENT)
            return hf_throw_errno(error, "link '%s'", *names);
    }
    return TRUE;
}

/* The files of @from_fd, which is ROOT/ID or, with @process_id, ROOT/ID/PROCESS. */
static gboolean
fill(int turn_fd, const char *process_id, int from_fd, const char *const *names, GError **error)
{
    if (process_id == NULL)
        return link_files(from_fd, names, turn_fd, error);
    hf_autofd process_fd = open_made(turn_fd, process_id, error);
    return process_fd >= 0 && link_files(from_fd, names, process_fd, error);
}

static gboolean
keep_in(int spool_fd, const char *container_id, const char *process_id, int from_fd,
        const char *const *names, GError **error)
{
    /* They are listed in this order, and no two are of one name. */
    g_autofree char *turn =
        g_strdup_printf(TURN_FORMAT, (guint64)g_get_monotonic_time(), g_random_int(), container_id);
    g_autofree char *unfinished = g_strconcat(HF_STATE_NEW_PREFIX, turn, NULL);
    hf_autofd turn_fd = open_made(spool_fd, unfinished, error);

    if (turn_fd >= 0 && fill(turn_fd, process_id, from_fd, names, error) &&
        (renameat(spool_fd, unfinished, spool_fd, turn) == 0 ||
         hf_throw_errno(error, "rename '%s'", unfinished)))
        return TRUE;
    (void)hf_state_remove_tree(spool_fd, unfinished, NULL);
    return FALSE;
}

/* -1: nobody takes anything from it, or he has enough to take. */
static int
open_spool(int root_fd, const char *name)
{
    hf_autofd fd = hf_state_open_dir(root_fd, name, name, NULL);
    g_autoptr(GPtrArray) names = NULL;
    bool is_held = false;

    if (fd < 0 || !hf_lock_file_is_held(fd, HF_STATE_LOCK, &is_held, NULL))
        return -1;
    if (!is_held) {
        (void)hf_state_remove_tree(root_fd, name, NULL);
        return -1;
    }
    names = hf_state_list_names(fd, NULL);
    return names != NULL && names->len < HF_EVENTS_SPOOL_MAX ? hf_steal_fd(&fd) : -1;
}

static void
keep(HfContainer *container, const char *process_id, int from_fd, const char *const *names)
{
    hf_autofd root_fd = hf_state_open_root(container->root, false, NULL);
    g_autoptr(GPtrArray) spools = root_fd >= 0 ? hf_state_list_names(root_fd, NULL) : NULL;

    for (guint i = 0; spools != NULL && i < spools->len; i++) {
        const char *spool = g_ptr_array_index(spools, i);
        g_autoptr(GError) failure = NULL;

        if (!g_str_has_prefix(spool, HF_EVENTS_SPOOL_PREFIX))
            continue;
        hf_autofd spool_fd = open_spool(root_fd, spool);
        if (spool_fd >= 0 &&
            !keep_in(spool_fd, container->id, process_id, from_fd, names, &failure))
            g_debug("container '%s': keep for '%s': %s", container->id, spool, failure->message);
    }
}

void
hf_events_spool_keep_process(HfContainer *container, int dir_fd, const char *process_id)
{
    hf_autofd process_fd = hf_state_open_dir(dir_fd, process_id, process_id, NULL);

    if (process_fd >= 0)
        keep(container, process_id, process_fd, process_files);
}

void
hf_events_spool_keep_mark(HfContainer *container, int dir_fd, const char *name)
{
    const char *const names[] = {name, NULL};

    keep(container, NULL, dir_fd, names);
}
