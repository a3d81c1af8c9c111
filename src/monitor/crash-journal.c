/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "monitor/crash-journal.h"
#include "protocol/state-names.h"

/* How this works.
 *
 * A read takes bytes out of the container's pipe, and only the log's write puts them in a safe
 * place. A monitor that is killed in between would lose up to a read's worth of output, and half
 * lines that wait for their end. So reads go into a file that is mapped, which costs no system
 * call more, and stays when the process goes:
 *
 *      header | half lines, twice for each stream | the read
 *
 * The word `state` says what is valid:
 *
 *   READY   the room for the read is all zeros, or has been read into and not looked at: then a
 * byte that is not zero tells so. (What ends in zero bytes loses those.) BATCH   `length` bytes are
 * being given to the logs STALE   the logs have them, and the room is being zeroed
 *
 * and which of the two copies of the half lines counts: the other one is written first, and the one
 * store of `state` changes both.
 *
 * How much of a batch a log has is in its mark (logging/log-mark.h): positions count bytes of each
 * stream that were handed to the logs. An adopter gives the half lines and the batch to the logs
 * again, and each leaves out what it has. What is not in a file (the journal, syslog, a client's
 * FIFO, records that a full disk keeps waiting) is not covered.
 *
 * Pages of the file that are not in use are given back when the output pauses; an idle container
 * costs its header. */

#define MAGIC 0x314a4648u /* "HFJ1" */
#define HEADER_SIZE 4096
#define PAGE_MASK 4095u
#define PHASE_READY 0u
#define PHASE_BATCH 1u
#define PHASE_STALE 2u
#define PHASE_MASK 3u
#define COPY_BIT 4u
#define NO_STREAM HF_STREAM_COUNT

typedef struct {
    guint64 handed[HF_STREAM_COUNT];
    guint32 half_length[HF_STREAM_COUNT];
} Copy;

typedef struct {
    guint32 magic;
    guint32 line_max;
    guint32 state;
    guint32 stream; /* of the read */
    guint32 length; /* of the batch */
    Copy copies[2];
    HfLogMark marks[HF_CRASH_JOURNAL_LOGS_MAX];
} Header;

G_STATIC_ASSERT(sizeof(Header) <= HEADER_SIZE);

struct HfCrashJournal {
    int fd;
    Header *header;
    char *halves; /* copies x streams x half_size */
    char *room;
    size_t half_size;
    size_t size;
    bool is_left;
    bool is_dirty; /* pages may be in use */
};

static guint
get_copy(const HfCrashJournal *self)
{
    return (self->header->state & COPY_BIT) != 0 ? 1 : 0;
}

static guint
get_phase(const HfCrashJournal *self)
{
    return self->header->state & PHASE_MASK;
}

static void
set_state(HfCrashJournal *self, guint phase, guint copy)
{
    __atomic_store_n(&self->header->state, phase | (copy != 0 ? COPY_BIT : 0), __ATOMIC_RELEASE);
}

static char *
get_half(const HfCrashJournal *self, guint copy, guint stream)
{
    return self->halves + (copy * HF_STREAM_COUNT + stream) * self->half_size;
}

static bool
is_usable(const HfCrashJournal *self, size_t line_max)
{
    const Header *header = self->header;

    if (header->magic != MAGIC || header->line_max != line_max ||
        header->length > HF_CRASH_JOURNAL_ROOM || header->stream > NO_STREAM)
        return false;
    for (guint i = 0; i < 2 * HF_STREAM_COUNT; i++) {
        if (header->copies[i / HF_STREAM_COUNT].half_length[i % HF_STREAM_COUNT] > line_max)
            return false;
    }
    return true;
}

static gboolean
map(HfCrashJournal *self, GError **error)
{
    void *memory = mmap(NULL, self->size, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd, 0);

    if (memory == MAP_FAILED)
        return hf_throw_errno(error, "map '%s'", HF_STATE_JOURNAL);
    self->header = memory;
    self->halves = (char *)memory + HEADER_SIZE;
    self->room = self->halves + 2 * HF_STREAM_COUNT * self->half_size;
    return TRUE;
}

static gboolean
set_up(HfCrashJournal *self, size_t line_max, bool is_adopting, GError **error)
{
    struct stat status;

    if (fstat(self->fd, &status) < 0 || !S_ISREG(status.st_mode))
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "'%s' is not a file", HF_STATE_JOURNAL);
    self->is_left = is_adopting && (size_t)status.st_size == self->size;
    if (!self->is_left &&
        (ftruncate(self->fd, 0) < 0 || ftruncate(self->fd, (off_t)self->size) < 0))
        return hf_throw_errno(error, "set the size of '%s'", HF_STATE_JOURNAL);
    if (!map(self, error))
        return FALSE;
    if (self->is_left && is_usable(self, line_max))
        return TRUE;
    if (self->is_left)
        memset(self->header, 0, self->size);
    self->is_left = false;
    self->header->line_max = (guint32)line_max;
    self->header->stream = NO_STREAM;
    self->header->magic = MAGIC;
    return TRUE;
}

HfCrashJournal *
hf_crash_journal_new(int dir_fd, size_t line_max, bool is_adopting, GError **error)
{
    g_autoptr(HfCrashJournal) self = g_new0(HfCrashJournal, 1);

    self->fd = openat(dir_fd, HF_STATE_JOURNAL,
                      O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
    if (self->fd < 0)
        return hf_throw_errno(error, "open '%s'", HF_STATE_JOURNAL), NULL;
    self->half_size = (line_max + PAGE_MASK) & ~(size_t)PAGE_MASK;
    self->size = HEADER_SIZE + 2 * HF_STREAM_COUNT * self->half_size + HF_CRASH_JOURNAL_ROOM;
    if (!set_up(self, line_max, is_adopting, error))
        return NULL;
    return g_steal_pointer(&self);
}

void
hf_crash_journal_free(HfCrashJournal *self)
{
    if (self == NULL)
        return;
    if (self->header != NULL)
        (void)munmap(self->header, self->size);
    hf_close_fd(&self->fd);
    g_free(self);
}

bool
hf_crash_journal_is_left(const HfCrashJournal *self)
{
    return self->is_left;
}

HfLogMark *
hf_crash_journal_get_mark(HfCrashJournal *self, guint i)
{
    return i < HF_CRASH_JOURNAL_LOGS_MAX ? &self->header->marks[i] : NULL;
}

const guint64 *
hf_crash_journal_get_handed(const HfCrashJournal *self)
{
    return self->header->copies[get_copy(self)].handed;
}

char *
hf_crash_journal_prepare(HfCrashJournal *self, HfStream stream, size_t *out_size)
{
    self->header->stream = (guint32)stream;
    self->is_dirty = true;
    *out_size = MIN(*out_size, HF_CRASH_JOURNAL_ROOM);
    return self->room;
}

void
hf_crash_journal_begin(HfCrashJournal *self, size_t length)
{
    self->header->length = (guint32)length;
    if (length == 0)
        self->header->stream = NO_STREAM;
    set_state(self, PHASE_BATCH, get_copy(self));
}

void
hf_crash_journal_end(HfCrashJournal *self, const HfLogRouter *router)
{
    guint copy = get_copy(self) ^ 1;

    for (guint i = 0; i < HF_STREAM_COUNT; i++) {
        size_t length = 0;
        const char *half = hf_log_router_peek_partial(router, (HfStream)i, &length);

        length = MIN(length, self->half_size);
        if (length > 0)
            memcpy(get_half(self, copy, i), half, length);
        self->header->copies[copy].half_length[i] = (guint32)length;
        self->header->copies[copy].handed[i] = hf_log_router_get_handed(router, (HfStream)i);
    }
    set_state(self, PHASE_STALE, copy);
    memset(self->room, 0, self->header->length);
    set_state(self, PHASE_READY, copy);
}

/* The bytes of a read that nobody has looked at. */
static size_t
measure_room(const HfCrashJournal *self)
{
    size_t length = HF_CRASH_JOURNAL_ROOM;

    while (length > 0 && self->room[length - 1] == '\0')
        length--;
    return length;
}

void
hf_crash_journal_replay(HfCrashJournal *self, HfLogRouter *router)
{
    guint copy = get_copy(self);
    guint phase = get_phase(self);
    guint stream = self->header->stream;
    size_t length = phase == PHASE_BATCH ? self->header->length : 0;

    if (phase == PHASE_READY)
        length = measure_room(self);
    for (guint i = 0; i < HF_STREAM_COUNT; i++) {
        size_t half_length = self->header->copies[copy].half_length[i];

        hf_log_router_set_handed(router, (HfStream)i, self->header->copies[copy].handed[i]);
        if (half_length > 0)
            hf_log_router_write(router, (HfStream)i, get_half(self, copy, i), half_length, true);
    }
    if (stream < HF_STREAM_COUNT && length > 0)
        hf_log_router_write(router, (HfStream)stream, self->room, length, true);
    else if (phase == PHASE_BATCH)
        hf_log_router_flush_partial(router);
    /* All of the room may have been in use when the monitor was killed while it zeroed it. */
    self->header->length = HF_CRASH_JOURNAL_ROOM;
    hf_crash_journal_end(self, router);
    self->is_dirty = true;
    hf_crash_journal_release(self);
}

/* Half lines are kept: they count. */
void
hf_crash_journal_release(HfCrashJournal *self)
{
    const guint32 *half_length = self->header->copies[get_copy(self)].half_length;
    bool has_half = half_length[0] > 0 || half_length[1] > 0;
    char *from = has_half ? self->room : self->halves;

    if (!self->is_dirty || get_phase(self) != PHASE_READY)
        return;
    self->is_dirty = false;
    off_t offset = from - (char *)self->header;
    (void)fallocate(self->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset,
                    (off_t)self->size - offset);
}
