/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works
 *
 * The modes are the terminal's, not the program's: what is not put back stays for the shell. So the
 * owner frees this object before it ends, also when a signal is the reason; the signal is taken in
 * its main loop and raised again afterwards. Only SIGKILL leaves a raw terminal (`stty sane`).
 *
 * Modes change at once (TCSANOW). To wait until all is shown, as TCSADRAIN does, would wait for
 * ever for a terminal that is held (control-S) or whose other end does not read.
 *
 * A program that was put into the background does not own the terminal any more: the shell has set
 * the modes it wants at its prompt, and they are not touched. Where the question "who is in the
 * foreground" has no answer the terminal does not control this session, and is put back. */

#include <errno.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <glib.h>

#include "attach/terminal-mode.h"
#include "base/error.h"

struct HfTerminalMode {
    int fd; /* borrowed */
    struct termios before;
};

static int
set_modes(int fd, const struct termios *modes)
{
    int result;

    do {
        result = tcsetattr(fd, TCSANOW, modes);
    } while (result < 0 && errno == EINTR);
    return result;
}

gboolean
hf_terminal_mode_resume(HfTerminalMode *self, GError **error)
{
    struct termios raw = self->before;

    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    cfmakeraw(&raw);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    return set_modes(self->fd, &raw) == 0 ? TRUE : hf_throw_errno(error, "make the terminal raw");
}

HfTerminalMode *
hf_terminal_mode_new_raw(int fd, GError **error)
{
    HfTerminalMode new = {.fd = fd};

    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    if (tcgetattr(fd, &new.before) < 0) {
        if (errno == ENOTTY)
            hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "descriptor %d is no terminal", fd);
        else
            hf_throw_errno(error, "read the terminal's modes");
        return NULL;
    }
    if (!hf_terminal_mode_resume(&new, error))
        return NULL;
    return g_memdup2(&new, sizeof new);
}

static bool
is_in_foreground(int fd)
{
    pid_t foreground = tcgetpgrp(fd);

    return foreground < 0 || foreground == getpgrp();
}

void
hf_terminal_mode_free(HfTerminalMode *self)
{
    if (self == NULL)
        return;
    /* A terminal that has gone needs no modes. */
    if (is_in_foreground(self->fd))
        (void)set_modes(self->fd, &self->before);
    g_free(self);
}

bool
hf_terminal_mode_read_size(int fd, unsigned short *out_rows, unsigned short *out_columns)
{
    struct winsize size;

    if (ioctl(fd, TIOCGWINSZ, &size) < 0)
        return false;
    *out_rows = size.ws_row;
    *out_columns = size.ws_col;
    return true;
}
