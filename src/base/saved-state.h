/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The state of a program that goes on as another one: values under names, in dictionaries within
 * dictionaries, and descriptors by their numbers. docs/upgrade.md has the format.
 *
 * A reader never fails at once. What is missing or wrong is replaced by something harmless and
 * remembered, and the whole is judged at the end: hf_state_reader_check(). Any bytes are safe. */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

/* Of the format. One that is older can be read; a newer one is refused. */
#define HF_STATE_VERSION 1
#define HF_STATE_VERSION_OLDEST 1

typedef struct HfStateWriter HfStateWriter;

HfStateWriter *hf_state_writer_new(void);
void hf_state_writer_free(HfStateWriter *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfStateWriter, hf_state_writer_free)

/* What is put up to the matching end goes into a dictionary of its own. */
void hf_state_begin(HfStateWriter *self, const char *name);
void hf_state_end(HfStateWriter *self);

void hf_state_put_number(HfStateWriter *self, const char *name, gint64 value);
void hf_state_put_bool(HfStateWriter *self, const char *name, bool value);
/* NULL, no bytes, -1 and NULL are not put. A text that is no UTF-8 is put as it is. */
void hf_state_put_text(HfStateWriter *self, const char *name, const char *text);
void hf_state_put_bytes(HfStateWriter *self, const char *name, const void *bytes, size_t length);
void hf_state_put_fd(HfStateWriter *self, const char *name, int fd);
/* When the timer fires next (CLOCK_MONOTONIC). */
void hf_state_put_timer(HfStateWriter *self, const char *name, GSource *timer);

/* The whole in a sealed memfd (CLOEXEC); -1: failed. Nothing can be put any more. */
int hf_state_writer_finish(HfStateWriter *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What was put with put_fd(), borrowed. (element-type int) */
const GArray *hf_state_writer_get_fds(const HfStateWriter *self);

typedef struct HfStateReader HfStateReader;

/* HF_ERROR_PROTOCOL: this is no state; HF_ERROR_NOT_SUPPORTED: it is of another version. @bytes are
 * copied. */
HfStateReader *hf_state_reader_new(const void *bytes, size_t length,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same for what is in @fd (borrowed, from its beginning). */
HfStateReader *hf_state_reader_new_from_fd(int fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Readers that were opened below it are gone with it. */
void hf_state_reader_free(HfStateReader *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfStateReader, hf_state_reader_free)

/* A dictionary below; NULL if there is none. Borrowed. */
HfStateReader *hf_state_open(HfStateReader *self, const char *name);
/* The same, but one that is missing is an error, and empty. */
HfStateReader *hf_state_open_needed(HfStateReader *self, const char *name);

/* @fallback if it is not there; a number outside the limits is an error. */
gint64 hf_state_get_number(HfStateReader *self, const char *name, gint64 min, gint64 max,
                           gint64 fallback);
bool hf_state_get_bool(HfStateReader *self, const char *name);
/* NULL: not there. Borrowed, as are the bytes. */
const char *hf_state_get_text(HfStateReader *self, const char *name);
const void *hf_state_get_bytes(HfStateReader *self, const char *name, size_t *out_length);
/* The caller's from here on; -1: not there. One that is not open, or was taken before, is an
 * error. */
int hf_state_take_fd(HfStateReader *self, const char *name);
int hf_state_take_needed_fd(HfStateReader *self, const char *name);
/* How long until then, at least 0; -1: there was no timer. */
int hf_state_get_timer_ms(HfStateReader *self, const char *name);

/* Something read makes no sense. The first such reason is kept. */
void hf_state_reader_fail(HfStateReader *self, const char *name, const char *reason);

/* Whether all that was read was there and right. */
gboolean hf_state_reader_check(HfStateReader *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Makes what take_fd() gave close-on-exec. */
gboolean hf_state_reader_guard_fds(HfStateReader *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
