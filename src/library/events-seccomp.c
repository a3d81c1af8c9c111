/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works.
 *
 * holdfast-seccomp-agent appends lines to seccomp.json. When it is full it becomes seccomp.json.1,
 * and another begins. The file has a watch of its own, as what else grows in the directory (logs)
 * is of no interest. The watch's descriptor tells whether the name still is that file's; if not,
 * its rest is in seccomp.json.1, or lost if that is another one by now. Nothing is held open.
 *
 * A file that is shorter than what was read of it has been cut: by the agent, which takes back
 * lines that a full disk cut short, or by somebody. It is read again, without what was told.
 *
 * A container decides how many lines there are. Of one look the first SINGLE_MAX are an event each;
 * those after them are counted, in an event for each name and action, up to MERGED_MAX; and the
 * rest in one with the name "*". So a burst costs that many events, and no call is left out of the
 * counts. What makes no sense is passed over, and so is a line that does not fit into a block. */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "library/event-private.h"
#include "library/events-seccomp.h"
#include "library/state-dir.h"
#include "protocol/state-names.h"
#include "state/seccomp-record.h"

#define BLOCK_SIZE 16384
#define SINGLE_MAX 64
#define MERGED_MAX 256

typedef struct {
    HfEvents *events;
    const char *container_id;
    const char *process_id;
    HfEventsSeccomp *known;
    gint64 skip_us; /* what is not later was told; 0: nothing was */
    guint single_count;
    GHashTable *merged; /* "NAME ACTION" -> HfEvent, which the queue has */
} Look;

static HfEvent *
add_event(const Look *look, const HfSeccompRecord *record, guint32 pid)
{
    HfEvent *event = hf_event_new(HF_EVENT_SECCOMP, look->container_id, look->process_id,
                                  record->time_us, record->count);

    event->syscall = g_strdup(record->syscall);
    event->action = g_strdup(record->action);
    event->pid = pid;
    g_queue_push_tail(look->events->queue, event);
    return event;
}

/* Counts the record in the event of its name, or in that of all others. */
static void
merge(const Look *look, const HfSeccompRecord *record)
{
    HfSeccompRecord other = {record->time_us, (char *)"*", NULL, 0, record->count};
    const HfSeccompRecord *counted = record;
    HfEvent *event = NULL;

    for (guint attempt = 0; attempt < 2; attempt++) {
        g_autofree char *key = g_strdup_printf("%s %s", counted->syscall,
                                               counted->action != NULL ? counted->action : "");

        event = g_hash_table_lookup(look->merged, key);
        if (event != NULL) {
            event->number += record->count;
            return;
        }
        if (attempt == 1 || g_hash_table_size(look->merged) < MERGED_MAX) {
            event = add_event(look, counted, 0);
            g_hash_table_insert(look->merged, g_steal_pointer(&key), event);
            return;
        }
        counted = &other;
    }
}

static void
take_line(Look *look, const char *line, gsize length)
{
    g_auto(HfSeccompRecord) record = {0};

    if (!hf_seccomp_record_parse(line, length, &record, NULL) || record.time_us <= look->skip_us)
        return;
    look->known->told_us = MAX(look->known->told_us, record.time_us);
    if (look->single_count < SINGLE_MAX) {
        look->single_count++;
        (void)add_event(look, &record, record.pid);
        return;
    }
    merge(look, &record);
}

/* @length: of whole lines. */
static void
take_lines(Look *look, const char *lines, gsize length)
{
    const char *end = lines + length;

    while (lines < end) {
        const char *newline = memchr(lines, '\n', (gsize)(end - lines));

        if (!look->known->is_in_long_line)
            take_line(look, lines, (gsize)(newline - lines));
        look->known->is_in_long_line = FALSE;
        lines = newline + 1;
    }
}

/* Up to where the file ended when it was opened: it may go on to grow. */
static void
read_lines(Look *look, int fd, off_t size)
{
    HfEventsSeccomp *known = look->known;
    char block[BLOCK_SIZE];

    while (known->offset < size) {
        ssize_t length = pread(fd, block, sizeof block, known->offset);
        const char *last = length > 0 ? memrchr(block, '\n', (gsize)length) : NULL;

        if (length <= 0 || (last == NULL && (gsize)length < sizeof block))
            return;
        if (last == NULL) {
            known->is_in_long_line = TRUE;
            known->offset += length;
            continue;
        }
        take_lines(look, block, (gsize)(last + 1 - block));
        known->offset += last + 1 - block;
    }
}

/* What is left of the file that had the name before. */
static void
read_full_one(Look *look, int dir_fd)
{
    HfEventsSeccomp *known = look->known;
    struct stat status;
    hf_autofd fd = hf_state_open_file(dir_fd, HF_STATE_SECCOMP_FULL, &status, NULL);

    if (fd < 0)
        return;
    if (known->watch == 0 || status.st_dev != known->device || status.st_ino != known->inode) {
        look->skip_us = known->told_us;
        known->offset = 0;
        known->is_in_long_line = FALSE;
    }
    read_lines(look, fd, status.st_size);
    look->skip_us = 0;
}

void
hf_events_look_at_seccomp(HfEvents *self, int dir_fd, const char *container_id,
                          const char *process_id, HfEventsSeccomp *known)
{
    struct stat status;
    hf_autofd fd = hf_state_open_file(dir_fd, HF_STATE_SECCOMP, &status, NULL);
    int watch = fd >= 0 ? hf_events_watch_file(self, fd, container_id) : -1;
    g_autoptr(GHashTable) merged = NULL;
    Look look = {self, container_id, process_id, known, 0, 0, NULL};

    if (watch < 0)
        return;
    merged = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    look.merged = merged;
    if (watch != known->watch) {
        read_full_one(&look, dir_fd);
        hf_events_forget_seccomp(self, known);
        *known = (HfEventsSeccomp){.watch = watch, .told_us = known->told_us};
    }
    known->device = status.st_dev;
    known->inode = status.st_ino;
    if (status.st_size < known->offset) {
        look.skip_us = known->told_us;
        known->offset = 0;
        known->is_in_long_line = FALSE;
    }
    read_lines(&look, fd, status.st_size);
}

void
hf_events_forget_seccomp(HfEvents *self, HfEventsSeccomp *known)
{
    if (known->watch != 0)
        hf_events_unwatch(self, known->watch);
    known->watch = 0;
}
