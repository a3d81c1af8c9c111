/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/io.h"
#include "base/source.h"
#include "sandbox/call-names.h"
#include "sandbox/denials.h"

/* Whoever can make calls that are denied can make many; of so many kinds one is told. */
#define TOLD_MAX 64
#define FD_MAX 0xffff
#define FROM_FILTER 1 /* SYS_SECCOMP, which not every libc has */

struct HfDenials {
    HfDenialFunc on_denial;
    gpointer user_data;
    GSource *source;
    int read_fd;
    int write_fd;
    int told[TOLD_MAX];
    guint told_count;
};

#if defined(__x86_64__)
#define SET_RESULT(context, value) ((context)->uc_mcontext.gregs[REG_RAX] = (value))
#elif defined(__aarch64__)
#define SET_RESULT(context, value) ((context)->uc_mcontext.regs[0] = (uint64_t)(value))
#endif

bool
hf_denials_are_supported(void)
{
#ifdef SET_RESULT
    return true;
#else
    return false;
#endif
}

/* Async-signal-safe; write(2) is always allowed. */
static void
on_sigsys(int signal_number, siginfo_t *info, void *context)
{
    int saved_errno = errno;
    int number = info->si_syscall;

    /* Somebody sent it. */
    if (info->si_code != FROM_FILTER)
        return;
    if (write(info->si_errno, &number, sizeof number) < 0)
        number = -1; /* the pipe is full, or this is a child without it */
#ifdef SET_RESULT
    SET_RESULT((ucontext_t *)context, -EPERM);
#endif
    errno = saved_errno;
}

gboolean
hf_denials_handle(GError **error)
{
    struct sigaction action = {.sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigset_t mask;

    sigemptyset(&mask);
    sigaddset(&mask, SIGSYS);
    /* One that is blocked would end the process. */
    if (sigaction(SIGSYS, &action, NULL) < 0 || sigprocmask(SIG_UNBLOCK, &mask, NULL) < 0)
        return hf_throw_errno(error, "handle SIGSYS");
    return TRUE;
}

static bool
is_news(HfDenials *self, int number)
{
    for (guint i = 0; i < self->told_count; i++) {
        if (self->told[i] == number)
            return false;
    }
    if (self->told_count == TOLD_MAX)
        return false;
    self->told[self->told_count++] = number;
    return true;
}

/* Returns whether there may be more. */
static bool
tell_some(HfDenials *self)
{
    int numbers[64];
    size_t length = 0;
    char buffer[32];

    if (hf_io_read(self->read_fd, numbers, sizeof numbers, &length, NULL) != HF_IO_DATA)
        return false;
    for (size_t i = 0; i < length / sizeof numbers[0]; i++) {
        if (is_news(self, numbers[i]))
            self->on_denial(hf_call_name(numbers[i], buffer, sizeof buffer), self->user_data);
    }
    return length == sizeof numbers;
}

static gboolean
on_readable(int fd, GIOCondition condition, gpointer user_data)
{
    (void)tell_some(user_data);
    return G_SOURCE_CONTINUE;
}

static HfDenials *
make(GMainContext *context, HfDenialFunc on_denial, gpointer user_data, int read_fd, int write_fd)
{
    HfDenials *self = g_new0(HfDenials, 1);

    self->on_denial = on_denial;
    self->user_data = user_data;
    self->read_fd = read_fd;
    self->write_fd = write_fd;
    self->source = hf_source_watch_fd(context, read_fd, G_IO_IN, HF_PRIORITY_CONTROL, "denials",
                                      on_readable, self);
    return self;
}

HfDenials *
hf_denials_new(GMainContext *context, HfDenialFunc on_denial, gpointer user_data, GError **error)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
        return hf_throw_errno(error, "make a pipe"), NULL;
    hf_autofd read_fd = fds[0];
    hf_autofd write_fd = fds[1];
    if (write_fd > FD_MAX)
        return hf_throw(error, HF_ERROR_LIMIT, "a descriptor above %d", FD_MAX), NULL;
    if (!hf_denials_handle(error))
        return NULL;
    return make(context, on_denial, user_data, hf_steal_fd(&read_fd), hf_steal_fd(&write_fd));
}

void
hf_denials_free(HfDenials *self)
{
    if (self == NULL)
        return;
    hf_source_clear(&self->source);
    while (tell_some(self))
        continue;
    hf_close_fd(&self->read_fd);
    hf_close_fd(&self->write_fd);
    g_free(self);
}

uint32_t
hf_denials_get_action(const HfDenials *self)
{
    return SECCOMP_RET_TRAP | (uint32_t)self->write_fd;
}

void
hf_denials_save(const HfDenials *self, HfStateWriter *writer)
{
    hf_state_put_fd(writer, "denials-read", self->read_fd);
    hf_state_put_fd(writer, "denials-write", self->write_fd);
}

HfDenials *
hf_denials_new_saved(GMainContext *context, HfStateReader *reader, HfDenialFunc on_denial,
                     gpointer user_data)
{
    int read_fd = hf_state_take_needed_fd(reader, "denials-read");
    int write_fd = hf_state_take_needed_fd(reader, "denials-write");

    if (read_fd < 0 || write_fd < 0)
        return NULL;
    return make(context, on_denial, user_data, read_fd, write_fd);
}
