/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A root with state directories, and who follows their events. Nothing runs. */

#pragma once

#include <fcntl.h>
#include <holdfast/events.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "test-kit.h"

typedef struct {
    char *root;
    HfEvents *events;
} Fixture;

static inline void
begin(Fixture *self)
{
    g_autoptr(GError) error = NULL;

    self->events = hf_events_new(self->root, &error);
    g_assert_no_error(error);
}

static inline void
set_up(Fixture *self)
{
    self->root = hf_test_make_dir();
    self->events = NULL;
}

static inline void
tear_down(Fixture *self)
{
    g_clear_object(&self->events);
    hf_test_remove_dir(self->root);
}

static inline char *
at(const Fixture *self, const char *container, const char *name)
{
    return g_build_filename(self->root, container, name, NULL);
}

/* ROOT/CONTAINER/PROCESS. */
static inline void
make_process(const Fixture *self, const char *container, const char *process)
{
    g_autofree char *path = at(self, container, process);

    g_assert_cmpint(g_mkdir_with_parents(path, 0700), ==, 0);
}

/* Whole at once, as all files of a state are. */
static inline void
put(const Fixture *self, const char *container, const char *name, const char *text)
{
    g_autofree char *path = at(self, container, name);

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static inline void
put_at_time(const Fixture *self, const char *container, const char *name, const char *text,
            int seconds)
{
    g_autofree char *path = at(self, container, name);
    struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};

    put(self, container, name, text);
    g_assert_cmpint(utimensat(AT_FDCWD, path, times, 0), ==, 0);
}

static inline void
take_away(const Fixture *self, const char *container, const char *name)
{
    g_autofree char *path = at(self, container, name);

    g_assert_cmpint(remove(path), ==, 0);
}

/* As a deletion begins; what the tree's removal does then is of no interest. */
static inline void
hide(const Fixture *self, const char *container)
{
    g_autofree char *path = at(self, container, NULL);
    g_autofree char *hidden =
        g_strdup_printf("%s/.deleted-%s-%08x", self->root, container, g_random_int());

    g_assert_cmpint(rename(path, hidden), ==, 0);
}

static inline HfEvent *
next(Fixture *self)
{
    g_autoptr(GError) error = NULL;
    HfEvent *event = hf_events_try_next(self->events, &error);

    g_assert_no_error(error);
    return event;
}

/* "TYPE CONTAINER [PROCESS] [NUMBER] [CHECKPOINT]" */
static inline char *
describe(const HfEvent *event)
{
    GString *text = g_string_new(hf_event_type_to_string(hf_event_get_event_type(event)));

    g_string_append_printf(text, " %s", hf_event_get_container_id(event));
    if (hf_event_get_process_id(event) != NULL)
        g_string_append_printf(text, " %s %d", hf_event_get_process_id(event),
                               (int)hf_event_get_number(event));
    if (hf_event_get_checkpoint(event) != NULL)
        g_string_append_printf(text, " %s", hf_event_get_checkpoint(event));
    return g_string_free(text, FALSE);
}

static inline void
assert_next(Fixture *self, const char *expected)
{
    g_autoptr(HfEvent) event = next(self);

    g_assert_nonnull(event);
    g_autofree char *text = describe(event);
    g_assert_cmpstr(text, ==, expected);
    g_assert_cmpint(hf_event_get_time_us(event), >, 0);
}

static inline void
assert_none(Fixture *self)
{
    g_autoptr(HfEvent) event = next(self);
    g_autofree char *text = event != NULL ? describe(event) : NULL;

    g_assert_cmpstr(text, ==, NULL);
}
