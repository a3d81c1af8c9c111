/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Copies between this program's descriptors and a process's FIFOs.
 *
 * Two threads, because their FIFOs are opened in different ways. A FIFO that is opened for reading
 * without blocking has no end before a writer, the monitor, has come and gone: the output thread
 * polls both. The input FIFO must not be closed before the monitor has opened it, or what was
 * written is gone; open(2) for writing, which waits for a reader, is how that is known without
 * polling. Who cancels ends the wait by opening the FIFO for reading for a moment; by a descriptor
 * that is held from the start, as the name may be removed by then.
 *
 * An eventfd for each thread tells it to end. From then on it reads nothing; what it had read is
 * still written, as far as the other side takes it at once. What is in the FIFO stays. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "library/io-private.h"

#define COPY_SIZE 65536

/* From one descriptor to another, through a buffer that is written out before more is read. */
typedef struct {
    int from_fd; /* -1: at its end */
    int to_fd;   /* -1: discarded */
    gsize start;
    gsize end;
    char bytes[COPY_SIZE];
} Copy;

struct _HfIo {
    GObject parent_instance;

    HfFifoSet *fifos;
    int fds[HF_FIFO_COUNT];      /* borrowed: the program's side */
    int fifo_fds[HF_FIFO_COUNT]; /* owned; standard input's is O_PATH */
    int stop_fd;                 /* owned: an eventfd, both threads are to end */
    int stop_input_fd;           /* owned: the input thread is to end */
    int done_fd;                 /* owned: an eventfd, the output thread has ended */
    GThread *input_thread;       /* NULL without input, and once joined */
    GThread *output_thread;
};

G_DEFINE_FINAL_TYPE(HfIo, hf_io, G_TYPE_OBJECT)

static void
raise_event(int fd)
{
    guint64 one = 1;

    /* An eventfd that cannot take more is readable already. */
    (void)!write(fd, &one, sizeof one);
}

/* Fills the empty buffer. FALSE at the end of the input. */
static gboolean
fill(Copy *copy)
{
    ssize_t count = read(copy->from_fd, copy->bytes, sizeof copy->bytes);

    if (count < 0)
        return errno == EAGAIN || errno == EINTR;
    copy->start = 0;
    copy->end = (gsize)count;
    return count > 0;
}

/* Writes what the output takes: not more than a pipe that poll(2) calls writable takes without
 * blocking, as the descriptor may be a blocking one. FALSE if it takes nothing more, ever. */
static gboolean
drain(Copy *copy)
{
    ssize_t count = (ssize_t)(copy->end - copy->start);

    if (copy->to_fd >= 0)
        count = write(copy->to_fd, copy->bytes + copy->start, MIN((gsize)count, PIPE_BUF));
    if (count < 0)
        return errno == EAGAIN || errno == EINTR;
    copy->start += (gsize)count;
    return TRUE;
}

/* What the copy waits for. */
static struct pollfd
what_to_poll(const Copy *copy)
{
    if (copy->start < copy->end && copy->to_fd >= 0)
        return (struct pollfd){.fd = copy->to_fd, .events = POLLOUT};
    return (struct pollfd){.fd = copy->from_fd, .events = POLLIN};
}

/* Whether a write does not block; a reader that has gone shows then. */
static gboolean
takes_more(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};

    return fd < 0 || poll(&poll_fd, 1, 0) > 0;
}

/* One step after poll(2). An output that fails goes on as one that discards: a process must not
 * wait for a reader that has gone. Input without a reader ends. */
static void
step(Copy *copy, gboolean ends_with_output)
{
    if (copy->start == copy->end && !fill(copy)) {
        copy->from_fd = -1;
        return;
    }
    if (copy->start < copy->end && takes_more(copy->to_fd) && !drain(copy)) {
        if (ends_with_output)
            copy->from_fd = -1;
        copy->to_fd = -1;
        copy->start = copy->end;
    }
}

/* What was read and can be written without waiting. */
static void
flush(Copy *copy)
{
    while (copy->start < copy->end && takes_more(copy->to_fd) && drain(copy))
        continue;
}

/* Until all copies are at their end, or @stop_fd is readable. */
static void
run_copies(Copy *const *copies, guint count, int stop_fd, gboolean ends_with_output)
{
    struct pollfd polls[HF_FIFO_COUNT + 1];

    for (;;) {
        gboolean is_active = FALSE;

        for (guint i = 0; i < count; i++) {
            polls[i] = what_to_poll(copies[i]);
            is_active = is_active || copies[i]->from_fd >= 0;
        }
        polls[count] = (struct pollfd){.fd = stop_fd, .events = POLLIN};
        if (!is_active)
            return;
        if (poll(polls, count + 1, -1) < 0) {
            if (errno == EINTR)
                continue;
            return;
        }
        if (polls[count].revents != 0)
            break;
        for (guint i = 0; i < count; i++) {
            if (copies[i]->from_fd >= 0 && polls[i].revents != 0)
                step(copies[i], ends_with_output);
        }
    }
    for (guint i = 0; i < count; i++)
        flush(copies[i]);
}

/* Signals are the program's own threads' business, and SIGPIPE nobody's. */
static void
block_signals(void)
{
    sigset_t all;

    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, NULL);
}

static gpointer
copy_output(gpointer data)
{
    HfIo *self = data;
    Copy *copies[2] = {NULL};
    guint count = 0;

    block_signals();
    for (guint i = HF_FIFO_STDOUT; i < HF_FIFO_COUNT; i++) {
        if (self->fifo_fds[i] < 0)
            continue;
        copies[count] = g_new0(Copy, 1);
        copies[count]->from_fd = self->fifo_fds[i];
        copies[count++]->to_fd = self->fds[i];
    }
    run_copies(copies, count, self->stop_fd, FALSE);
    for (guint i = 0; i < count; i++)
        g_free(copies[i]);
    raise_event(self->done_fd);
    return NULL;
}

static int
open_input_fifo(HfIo *self, int flags)
{
    char path[64];

    g_snprintf(path, sizeof path, "/proc/self/fd/%d", self->fifo_fds[HF_FIFO_STDIN]);
    return open(path, flags | O_CLOEXEC);
}

static gpointer
copy_input(gpointer data)
{
    HfIo *self = data;
    hf_autofd fifo_fd = -1;
    Copy *copy = g_new0(Copy, 1);

    block_signals();
    do {
        fifo_fd = open_input_fifo(self, O_WRONLY);
    } while (fifo_fd < 0 && errno == EINTR);
    if (fifo_fd >= 0 && fcntl(fifo_fd, F_SETFL, O_NONBLOCK) == 0) {
        copy->from_fd = self->fds[HF_FIFO_STDIN];
        copy->to_fd = fifo_fd;
        run_copies(&copy, 1, self->stop_input_fd, TRUE);
    }
    g_free(copy);
    return NULL;
}

static gboolean
open_fifos(HfIo *self, GError **error)
{
    for (guint i = 0; i < HF_FIFO_COUNT; i++) {
        const char *path = self->fifos->paths[i];
        int flags = i == HF_FIFO_STDIN ? O_PATH : O_RDONLY | O_NONBLOCK;

        if (path == NULL)
            continue;
        self->fifo_fds[i] = open(path, flags | O_CLOEXEC);
        if (self->fifo_fds[i] < 0)
            return hf_throw_errno(error, "open FIFO '%s'", path);
    }
    return TRUE;
}

static gboolean
make_events(HfIo *self, GError **error)
{
    self->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->stop_input_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (self->stop_fd < 0 || self->stop_input_fd < 0 || self->done_fd < 0)
        return hf_throw_errno(error, "make an eventfd");
    return TRUE;
}

HfIo *
hf_io_new(HfFifoSet *fifos, int input_fd, int output_fd, int error_fd, GError **error)
{
    g_autoptr(HfIo) self = g_object_new(HF_TYPE_IO, NULL);

    g_return_val_if_fail(HF_IS_FIFO_SET(fifos), NULL);

    self->fifos = g_object_ref(fifos);
    self->fds[HF_FIFO_STDIN] = input_fd;
    self->fds[HF_FIFO_STDOUT] = output_fd;
    self->fds[HF_FIFO_STDERR] = error_fd;
    if (!make_events(self, error) || !open_fifos(self, error))
        return NULL;
    self->output_thread = g_thread_new("hf-io-output", copy_output, self);
    if (fifos->paths[HF_FIFO_STDIN] != NULL)
        self->input_thread = g_thread_new("hf-io-input", copy_input, self);
    return g_steal_pointer(&self);
}

HfFifoSet *
hf_io_get_fifos(HfIo *self)
{
    g_return_val_if_fail(HF_IS_IO(self), NULL);

    return self->fifos;
}

void
hf_io_close_input(HfIo *self)
{
    hf_autofd fd = -1;

    g_return_if_fail(HF_IS_IO(self));

    if (self->input_thread == NULL)
        return;
    raise_event(self->stop_input_fd);
    /* Ends an open(2) that waits for a reader. */
    fd = open_input_fifo(self, O_RDONLY | O_NONBLOCK);
    g_thread_join(g_steal_pointer(&self->input_thread));
}

void
hf_io_end_output(HfIo *self)
{
    for (guint i = HF_FIFO_STDOUT; i < HF_FIFO_COUNT; i++) {
        hf_autofd fd = -1;

        if (self->fifos->paths[i] != NULL)
            fd = open(self->fifos->paths[i], O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    }
}

gboolean
hf_io_wait(HfIo *self, GCancellable *cancellable, GError **error)
{
    GPollFD cancel = {.fd = -1};
    struct pollfd polls[2];

    g_return_val_if_fail(HF_IS_IO(self), FALSE);

    if (g_cancellable_set_error_if_cancelled(cancellable, error))
        return FALSE;
    if (cancellable != NULL && !g_cancellable_make_pollfd(cancellable, &cancel))
        cancel.fd = -1;
    polls[0] = (struct pollfd){.fd = self->done_fd, .events = POLLIN};
    polls[1] = (struct pollfd){.fd = cancel.fd, .events = POLLIN};
    while (poll(polls, G_N_ELEMENTS(polls), -1) < 0 && errno == EINTR)
        continue;
    if (cancel.fd >= 0)
        g_cancellable_release_fd(cancellable);
    return polls[0].revents != 0 || !g_cancellable_set_error_if_cancelled(cancellable, error);
}

void
hf_io_cancel(HfIo *self)
{
    g_return_if_fail(HF_IS_IO(self));

    hf_io_close_input(self);
    raise_event(self->stop_fd);
    if (self->output_thread != NULL)
        g_thread_join(g_steal_pointer(&self->output_thread));
}

static void
hf_io_finalize(GObject *object)
{
    HfIo *self = HF_IO(object);

    if (self->stop_fd >= 0)
        hf_io_cancel(self);
    for (guint i = 0; i < HF_FIFO_COUNT; i++)
        hf_close_fd(&self->fifo_fds[i]);
    hf_close_fd(&self->stop_fd);
    hf_close_fd(&self->stop_input_fd);
    hf_close_fd(&self->done_fd);
    g_clear_object(&self->fifos);
    G_OBJECT_CLASS(hf_io_parent_class)->finalize(object);
}

static void
hf_io_class_init(HfIoClass *class)
{
    G_OBJECT_CLASS(class)->finalize = hf_io_finalize;
}

static void
hf_io_init(HfIo *self)
{
    for (guint i = 0; i < HF_FIFO_COUNT; i++)
        self->fifo_fds[i] = -1;
    self->stop_fd = -1;
    self->stop_input_fd = -1;
    self->done_fd = -1;
}
