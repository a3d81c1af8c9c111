/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A root with the container "c" and the directory of its process "init", for tests of what the
 * library reads there. Nothing runs. */

#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/lock-file.h"
#include "library/container-private.h"
#include "library/process-private.h"
#include "test-kit.h"

typedef struct {
    char *root;
    char *container_path;
    char *path; /* of the process */
    int dir_fd; /* of the process */
    HfContainer *container;
    HfProcess *process;
} Place;

/* With @runtime as its OCI runtime. */
static inline void
place_set_up(Place *self, const char *runtime)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *state = g_strdup_printf(
        "{\"bundle\":\"/b\",\"runtime\":\"%s\",\"runtimeArgs\":[\"--arg\"]}", runtime);

    self->root = hf_test_make_dir();
    self->container_path = g_build_filename(self->root, "c", NULL);
    self->path = g_build_filename(self->container_path, "init", NULL);
    g_assert_cmpint(g_mkdir_with_parents(self->path, 0700), ==, 0);
    hf_test_write_file(self->container_path, "state.json", state);
    hf_test_write_file(self->path, "process.json", "{\"args\":[\"sh\"],\"terminal\":true}");
    self->container = hf_container_load(self->root, "c", &error);
    g_assert_no_error(error);
    self->process = hf_process_load(self->container, "init", &error);
    g_assert_no_error(error);
    self->dir_fd = open(self->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    g_assert_cmpint(self->dir_fd, >=, 0);
}

static inline void
place_tear_down(Place *self)
{
    hf_close_fd(&self->dir_fd);
    g_clear_object(&self->process);
    g_clear_object(&self->container);
    hf_test_remove_dir(self->root);
    g_free(self->container_path);
    g_free(self->path);
}

static inline void
place_write_number(const Place *self, const char *name, guint64 number)
{
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, number);

    hf_test_write_file(self->path, name, text);
}

/* `pid` and `starttime` of a process. */
static inline void
place_write_process(const Place *self, pid_t pid)
{
    g_autoptr(GError) error = NULL;
    guint64 ticks = 0;

    g_assert_true(hf_process_read_start_time(pid, &ticks, &error));
    place_write_number(self, "pid", (guint64)pid);
    place_write_number(self, "starttime", ticks);
}

/* `pid` and `starttime` of one that has ended: this program's, which began at another time. */
static inline void
place_write_ended(const Place *self)
{
    place_write_number(self, "pid", (guint64)getpid());
    place_write_number(self, "starttime", 1);
}

/* The lock that a monitor holds, until the descriptor is closed. */
static inline int
place_lock(const Place *self)
{
    g_autoptr(GError) error = NULL;
    int fd = -1;

    g_assert_cmpint(hf_lock_file_try_take(self->dir_fd, "lock", &fd, &error), ==, HF_LOCK_TAKEN);
    g_assert_no_error(error);
    return fd;
}

static inline void
place_make_fifo(const Place *self, const char *name)
{
    g_assert_cmpint(mkfifoat(self->dir_fd, name, 0600), ==, 0);
}

/* The other side of a FIFO, as a monitor opens it. */
static inline int
place_open_fifo(const Place *self, const char *name)
{
    int fd = openat(self->dir_fd, name, O_RDWR | O_NONBLOCK | O_CLOEXEC);

    g_assert_cmpint(fd, >=, 0);
    return fd;
}
