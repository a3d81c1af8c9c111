/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "fuzz.h"

#define WAIT_SECONDS 20
#define FDS_SENT_MAX 32

const HfFuzzTarget *
hf_fuzz_get_targets(void)
{
#define ROW(function, name) {name, fuzz_##function},
    static const HfFuzzTarget targets[] = {HF_FUZZ_TARGETS(ROW){NULL, NULL}};
#undef ROW

    return targets;
}

const HfFuzzTarget *
hf_fuzz_find_target(const char *name)
{
    const HfFuzzTarget *target = hf_fuzz_get_targets();

    while (target->name != NULL && strcmp(target->name, name) != 0)
        target++;
    return target->name != NULL ? target : NULL;
}

guint8
hf_fuzz_take_byte(HfFuzzInput *self)
{
    if (self->left == 0)
        return 0;
    self->left--;
    return (guint8)*self->at++;
}

guint
hf_fuzz_take_number(HfFuzzInput *self, guint limit)
{
    guint number = hf_fuzz_take_byte(self);

    number = number << 8 | hf_fuzz_take_byte(self);
    return number % (limit + 1);
}

const char *
hf_fuzz_take_bytes(HfFuzzInput *self, size_t length, size_t *out_length)
{
    const char *bytes = self->at;

    *out_length = MIN(length, self->left);
    self->at += *out_length;
    self->left -= *out_length;
    return bytes;
}

char *
hf_fuzz_take_text(HfFuzzInput *self)
{
    const char *nul = self->left > 0 ? memchr(self->at, '\0', self->left) : NULL;
    size_t length = nul != NULL ? (size_t)(nul - self->at) : self->left;
    char *text = g_strndup(self->left > 0 ? self->at : "", length);

    length += nul != NULL;
    self->at += length;
    self->left -= length;
    return text;
}

static void
remove_dir(void)
{
    const char *path = hf_fuzz_get_dir();
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *file = g_build_filename(path, name, NULL);

        (void)unlink(file);
    }
    (void)rmdir(path);
}

const char *
hf_fuzz_get_dir(void)
{
    static char *path;

    if (path == NULL) {
        path = g_dir_make_tmp("holdfast-fuzz-XXXXXX", NULL);
        g_assert_nonnull(path);
        g_assert_cmpint(atexit(remove_dir), ==, 0);
    }
    return path;
}

void
hf_fuzz_write_file(const char *path, const char *bytes, size_t length)
{
    hf_autofd fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(length > 0 ? write(fd, bytes, length) : 0, ==, length);
}

int
hf_fuzz_get_lowest_fd(void)
{
    int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    int number = fd;

    g_assert_cmpint(fd, >=, 0);
    hf_close_fd(&fd);
    return number;
}

bool
hf_fuzz_send_fds(int socket_fd, struct iovec *part, const int *fds, guint count)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(FDS_SENT_MAX * sizeof(int))];
    } control = {0};
    struct msghdr message = {.msg_iov = part, .msg_iovlen = 1};

    g_assert_cmpuint(count, <=, FDS_SENT_MAX);
    if (count > 0) {
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    }
    return sendmsg(socket_fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)part->iov_len;
}

void
hf_fuzz_assert_same(const void *a, size_t a_length, const void *b, size_t b_length)
{
    g_assert_cmpuint(a_length, ==, b_length);
    g_assert_true(a_length == 0 || memcmp(a, b, a_length) == 0);
}

void
hf_fuzz_wait(GMainContext *context, const bool *is_done)
{
    gint64 deadline = g_get_monotonic_time() + WAIT_SECONDS * G_USEC_PER_SEC;

    while (!*is_done) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        if (!g_main_context_iteration(context, FALSE))
            g_usleep(100);
    }
}
