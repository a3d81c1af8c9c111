/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Decides when a stream is left unread for a moment, so that one read brings what many would. */

#pragma once

#include <stddef.h>

#include <glib.h>

/* How long such a rest is. */
#define HF_READ_PACE_REST_MS 1

/* Embedded in its owner; zeroed is how it begins. */
typedef struct {
    guint reads;     /* in a row, each soon after the one before */
    size_t bytes;    /* what they brought */
    gint64 since_us; /* when the one before the first of them was */
    gint64 last_us;
} HfReadPace;

/* A read at @now_us (CLOCK_MONOTONIC) that was made because there was something to read, and that
 * brought @length bytes. 0: go on like that; else a rest is worth it, if the pipe can hold so many
 * bytes, which is twice what is to be expected. */
size_t hf_read_pace_note(HfReadPace *self, gint64 now_us, size_t length);

/* The same for the read at the end of a rest. */
size_t hf_read_pace_note_rested(HfReadPace *self, gint64 now_us, size_t length);
