/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "base/error.h"
#include "runtime/terminal.h"

gboolean
hf_terminal_prepare(int fd, GError **error)
{
    struct termios settings;

    if (tcgetattr(fd, &settings) < 0)
        return hf_throw_errno(error, "get the terminal's settings");
    settings.c_oflag |= OPOST | ONLCR;
    if (tcsetattr(fd, TCSANOW, &settings) < 0)
        return hf_throw_errno(error, "set the terminal's settings");
    return TRUE;
}

gboolean
hf_terminal_set_size(int fd, unsigned short rows, unsigned short columns, GError **error)
{
    struct winsize size = {.ws_row = rows, .ws_col = columns};

    if (ioctl(fd, TIOCSWINSZ, &size) < 0)
        return hf_throw_errno(error, "set the terminal's size to %hux%hu", rows, columns);
    return TRUE;
}

int
hf_terminal_open_peer(int fd, GError **error)
{
    int peer_fd = ioctl(fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);

    if (peer_fd < 0)
        hf_throw_errno(error, "open the terminal's other side");
    return peer_fd;
}
