/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How the tests of what is saved stand for two programs: descriptors keep their numbers while the
 * object that had them is freed, as across an exec.
 *
 *      SavedKit kit;
 *      saved_kit_begin(&kit);
 *      hf_thing_save(thing, kit.writer);
 *      saved_kit_keep(&kit);
 *      hf_thing_free(thing);
 *      HfStateReader *reader = saved_kit_read(&kit);
 *      ...
 *      saved_kit_end(&kit); */

#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <glib.h>

#include "base/fd.h"
#include "base/saved-state.h"

typedef struct {
    HfStateWriter *writer;
    HfStateReader *reader;
    GArray *copies; /* (element-type int), of the writer's descriptors, in their order */
} SavedKit;

static inline void
saved_kit_begin(SavedKit *self)
{
    *self = (SavedKit){.writer = hf_state_writer_new()};
    self->copies = g_array_new(FALSE, FALSE, sizeof(int));
}

/* All is saved. Whatever is done to the descriptors until they are read again is done to others. */
static inline void
saved_kit_keep(SavedKit *self)
{
    hf_autofd null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    const GArray *fds = hf_state_writer_get_fds(self->writer);

    for (guint i = 0; i < fds->len; i++) {
        int copy = fcntl(g_array_index(fds, int, i), F_DUPFD_CLOEXEC, 100);

        g_assert_no_errno(copy);
        g_array_append_val(self->copies, copy);
        g_assert_no_errno(dup3(null_fd, g_array_index(fds, int, i), O_CLOEXEC));
    }
}

/* Borrowed. The descriptors are there again. */
static inline HfStateReader *
saved_kit_read(SavedKit *self)
{
    const GArray *fds = hf_state_writer_get_fds(self->writer);
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i < self->copies->len; i++) {
        int copy = g_array_index(self->copies, int, i);

        g_assert_no_errno(dup3(copy, g_array_index(fds, int, i), O_CLOEXEC));
        hf_close_fd(&copy);
    }
    g_array_set_size(self->copies, 0);
    hf_autofd fd = hf_state_writer_finish(self->writer, &error);
    g_assert_no_error(error);
    self->reader = hf_state_reader_new_from_fd(fd, &error);
    g_assert_no_error(error);
    return self->reader;
}

/* Nothing that was read was wrong. */
static inline void
saved_kit_assert_right(const SavedKit *self)
{
    g_autoptr(GError) error = NULL;

    (void)!hf_state_reader_check(self->reader, &error);
    g_assert_no_error(error);
}

/* Something was, and @words tell which. */
static inline void
saved_kit_assert_wrong(const SavedKit *self, const char *words)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(hf_state_reader_check(self->reader, &error));
    g_assert_nonnull(g_strstr_len(error->message, -1, words));
}

static inline void
saved_kit_end(SavedKit *self)
{
    hf_state_reader_free(self->reader);
    hf_state_writer_free(self->writer);
    g_array_unref(self->copies);
}
