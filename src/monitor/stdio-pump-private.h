/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The pump's struct, shared by stdio-pump.c and stdio-pump-save.c. */

#pragma once

#include "base/scratch.h"
#include "monitor/read-pace.h"
#include "monitor/stdio-pump.h"

#define HF_STDIO_PUMP_READ_MIN (64 * 1024)
#define HF_STDIO_PUMP_READ_MAX (256 * 1024)
/* Half of what the kernel gives: the pipes of a thousand containers are then below a user's limit
 * of 16384 pages. */
#define HF_STDIO_PUMP_PIPE_SIZE_IDLE (32 * 1024)
#define HF_STDIO_PUMP_PIPE_MAX (1024 * 1024)

typedef struct {
    HfStdioPump *pump; /* borrowed */
    HfStream stream;
    int fd; /* owned; -1 when there is none, or it has ended */
    bool is_terminal;
    bool is_inside_line;
    int pipe_size;
    bool may_not_grow; /* until it is quiet */
    GSource *source;
    GSource *reopen_source;
    GSource *rest_source; /* in place of source */
    HfReadPace pace;
    size_t drain_left;
} HfStdioChannel;

struct HfStdioPump {
    GMainContext *context; /* borrowed */
    const HfStdioHandlers *handlers;
    gpointer user_data;
    HfStdioChannel channels[HF_STREAM_COUNT];
    HfScratch buffer;
    HfCrashJournal *journal; /* borrowed; in place of the buffer, or NULL */
    size_t read_size;
    bool is_followed;
    bool is_paused;
    bool is_draining;
    bool has_told_closed;
    bool had_output; /* since the quiet timer looked last */
    bool had_output_since_pause;
    GSource *quiet_source;
    GSource *pause_source;
    GSource *drain_source;
};

/* @length bytes came: the timers that wait for no more to come. */
void hf_stdio_pump_arm_timers(HfStdioPump *self, size_t length);
