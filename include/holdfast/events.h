/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#pragma once

#include <holdfast/types.h>

G_BEGIN_DECLS

/**
 * HfEventType:
 * @HF_EVENT_CREATED: a container's first process waits to be started
 * @HF_EVENT_STARTED: a process runs
 * @HF_EVENT_EXITED: a process has ended; the event has its exit status
 * @HF_EVENT_OOM: the kernel's OOM killer took processes of the container; the event has their
 * number
 * @HF_EVENT_PAUSED: hf_container_pause() has frozen the container
 * @HF_EVENT_RESUMED: hf_container_resume() has let it go on
 * @HF_EVENT_CHECKPOINTED: there is a new checkpoint; the event has its name
 * @HF_EVENT_DELETED: the container is no more
 * @HF_EVENT_SECCOMP: the container's seccomp filter handed system calls over, and they were
 * answered; the event has their name and number, and what was answered
 */
typedef enum {
    HF_EVENT_CREATED,
    HF_EVENT_STARTED,
    HF_EVENT_EXITED,
    HF_EVENT_OOM,
    HF_EVENT_PAUSED,
    HF_EVENT_RESUMED,
    HF_EVENT_CHECKPOINTED,
    HF_EVENT_DELETED,
    HF_EVENT_SECCOMP,
} HfEventType;

#define HF_TYPE_EVENT_TYPE (hf_event_type_get_type())
HF_PUBLIC
GType hf_event_type_get_type(void);

/**
 * hf_event_type_to_string:
 *
 * Returns: "created", "started", "exited", "oom", "paused", "resumed", "checkpointed", "deleted" or
 *   "seccomp"
 */
HF_PUBLIC
const char *hf_event_type_to_string(HfEventType type);

#define HF_TYPE_EVENT (hf_event_get_type())

/**
 * HfEvent:
 *
 * Something that happened to a container or to one of its processes.
 */
typedef struct _HfEvent HfEvent;

HF_PUBLIC
GType hf_event_get_type(void);

/**
 * hf_event_copy:
 *
 * Returns: (transfer full): another one
 */
HF_PUBLIC
HfEvent *hf_event_copy(const HfEvent *self);

/**
 * hf_event_free:
 * @self: (nullable): the event
 */
HF_PUBLIC
void hf_event_free(HfEvent *self);

/**
 * hf_event_get_event_type:
 *
 * Returns: what happened
 */
HF_PUBLIC
HfEventType hf_event_get_event_type(const HfEvent *self);

/**
 * hf_event_get_container_id:
 *
 * Returns: to which container
 */
HF_PUBLIC
const char *hf_event_get_container_id(const HfEvent *self);

/**
 * hf_event_get_process_id:
 *
 * Returns: (nullable): %NULL for an event of the whole container
 */
HF_PUBLIC
const char *hf_event_get_process_id(const HfEvent *self);

/**
 * hf_event_get_time_us:
 *
 * Returns: microseconds since 1970 UTC: when the file was written that tells of it; for
 *   %HF_EVENT_SECCOMP, when the first of the calls came, which is up to a second before that
 */
HF_PUBLIC
gint64 hf_event_get_time_us(const HfEvent *self);

/**
 * hf_event_get_number:
 *
 * Returns: the exit status, the pid of what was created or started, the number of processes that
 *   the OOM killer took so far, or the number of system calls; else 0
 */
HF_PUBLIC
gint64 hf_event_get_number(const HfEvent *self);

/**
 * hf_event_get_checkpoint:
 *
 * Returns: (nullable): the name of a new checkpoint
 */
HF_PUBLIC
const char *hf_event_get_checkpoint(const HfEvent *self);

/**
 * hf_event_get_syscall:
 *
 * Returns: (nullable): the name of the system calls, of letters, digits, `_` and `-`; "*" for a
 * number of names, where there were too many for an event each; %NULL for another event than
 *   %HF_EVENT_SECCOMP
 */
HF_PUBLIC
const char *hf_event_get_syscall(const HfEvent *self);

/**
 * hf_event_get_action:
 *
 * Returns: (nullable): what was answered: "log", "errno", "continue", "kill" or "limited"; %NULL
 *   where the name is "*", and for another event than %HF_EVENT_SECCOMP
 */
HF_PUBLIC
const char *hf_event_get_action(const HfEvent *self);

/**
 * hf_event_get_pid:
 *
 * Returns: the thread that made the system calls, as holdfast-seccomp-agent saw it; 0 where it is
 *   not known or there were several, and for another event than %HF_EVENT_SECCOMP
 */
HF_PUBLIC
guint32 hf_event_get_pid(const HfEvent *self);

/**
 * HfEvents:
 *
 * What happens to all containers below a root.
 */
#define HF_TYPE_EVENTS (hf_events_get_type())
HF_PUBLIC
G_DECLARE_FINAL_TYPE(HfEvents, hf_events, HF, EVENTS, GObject)

/**
 * hf_events_new:
 * @root: (nullable): as for hf_container_new(); made if missing
 *
 * Watches all containers. The first events are those that the files tell of by then, by their
 * time, as far as the containers are still there; then what happens follows. Nobody publishes
 * events: they are found in the files, and a container's monitor does nothing for it. The library
 * keeps the files of what it removes for whoever watches, in a directory that this makes in the
 * root and removes when it is freed: so nothing is missed or told twice by a watcher that was there
 * and may write to the root, but for the first of two checkpoints between two looks, and for what
 * is removed while a thousand removals wait to be looked at. See docs/state.md.
 *
 * Of the system calls that a container's seccomp filter handed over, the last few thousand records
 * are kept. Of those that are found at once, the first 64 are an event each, and the others are
 * counted by name.
 *
 * Returns: (transfer full): or %NULL
 */
HF_PUBLIC
HfEvents *hf_events_new(const char *root, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * hf_events_get_fd:
 *
 * Returns: a descriptor for any main loop, readable when hf_events_try_next() may have more;
 * borrowed
 */
HF_PUBLIC
int hf_events_get_fd(HfEvents *self);

/**
 * hf_events_try_next:
 *
 * Does not wait.
 *
 * Returns: (transfer full) (nullable): the next event; %NULL without @error set if there is none
 * yet
 */
HF_PUBLIC
HfEvent *hf_events_try_next(HfEvents *self, GError **error);

/**
 * hf_events_next:
 *
 * Waits for it.
 *
 * Returns: (transfer full): the next event, or %NULL
 */
HF_PUBLIC
HfEvent *hf_events_next(HfEvents *self, GCancellable *cancellable,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfEvent, hf_event_free)

/**
 * HfOom:
 *
 * A watch for the OOM kills of one container.
 */
#define HF_TYPE_OOM (hf_oom_get_type())
HF_PUBLIC
G_DECLARE_FINAL_TYPE(HfOom, hf_oom, HF, OOM, GObject)

/**
 * hf_oom_new:
 * @container: one that was started
 * @error: %HF_ERROR_CONTAINER_NOT_STARTED if it was not
 *
 * A watch for the OOM kills of one container.
 *
 * Returns: (transfer full): or %NULL
 */
HF_PUBLIC
HfOom *hf_oom_new(HfContainer *container, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * hf_oom_get_fd:
 *
 * Returns: a descriptor for any main loop, readable when something may have changed; borrowed
 */
HF_PUBLIC
int hf_oom_get_fd(HfOom *self);

/**
 * hf_oom_get_container_id:
 *
 * Returns: the container that is watched
 */
HF_PUBLIC
const char *hf_oom_get_container_id(HfOom *self);

/**
 * hf_oom_flush:
 *
 * Makes the descriptor unreadable until something changes again.
 *
 * Returns: how many processes the OOM killer took so far
 */
HF_PUBLIC
guint64 hf_oom_flush(HfOom *self);

/**
 * hf_oom_is_removed:
 *
 * Returns: whether the container has ended or is gone: nothing more will come
 */
HF_PUBLIC
gboolean hf_oom_is_removed(HfOom *self);

G_END_DECLS
