/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A pseudo terminal: the side a person sits at, and the side a program has. */

#pragma once

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <glib.h>

#include "base/fd.h"

typedef struct {
    int person_fd;
    int program_fd;
    struct termios before;
} TestTerminal;

static inline void
terminal_set_up(TestTerminal *self)
{
    self->person_fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    g_assert_cmpint(grantpt(self->person_fd), ==, 0);
    g_assert_cmpint(unlockpt(self->person_fd), ==, 0);
    self->program_fd = open(ptsname(self->person_fd), O_RDWR | O_NOCTTY | O_CLOEXEC);
    g_assert_cmpint(self->program_fd, >=, 0);
    g_assert_cmpint(tcgetattr(self->program_fd, &self->before), ==, 0);
}

static inline void
terminal_tear_down(TestTerminal *self)
{
    hf_close_fd(&self->program_fd);
    hf_close_fd(&self->person_fd);
}

static inline void
terminal_resize(const TestTerminal *self, unsigned short rows, unsigned short columns)
{
    const struct winsize size = {.ws_row = rows, .ws_col = columns};

    g_assert_cmpint(ioctl(self->person_fd, TIOCSWINSZ, &size), ==, 0);
}

static inline struct termios
terminal_modes(const TestTerminal *self)
{
    struct termios modes;

    g_assert_cmpint(tcgetattr(self->program_fd, &modes), ==, 0);
    return modes;
}

static inline bool
terminal_is_raw(const TestTerminal *self)
{
    struct termios modes = terminal_modes(self);

    return (modes.c_lflag & (ECHO | ICANON | ISIG | IEXTEN)) == 0 &&
           (modes.c_iflag & (ICRNL | IXON)) == 0 && (modes.c_oflag & OPOST) == 0;
}

static inline bool
terminal_is_as_before(const TestTerminal *self)
{
    struct termios modes = terminal_modes(self);

    return modes.c_lflag == self->before.c_lflag && modes.c_iflag == self->before.c_iflag &&
           modes.c_oflag == self->before.c_oflag && modes.c_cflag == self->before.c_cflag &&
           memcmp(modes.c_cc, self->before.c_cc, sizeof modes.c_cc) == 0;
}
