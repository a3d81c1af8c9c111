/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How a file sink writes a record: an interface. */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "logging/log-sink.h"

typedef struct HfLogFormat HfLogFormat;

typedef struct {
    const char *name; /* of the driver, for messages */
    /* A record may end within a line, and what follows goes on with it. */
    bool is_raw;
    /* How much space write() needs: what it writes, or more. */
    size_t (*measure)(const HfLogFormat *self, const HfLogRecord *record);
    /* Returns how much it wrote: whole lines, unless is_raw. */
    size_t (*write)(HfLogFormat *self, char *buffer, const HfLogRecord *record);
    /* The same for many. */
    size_t (*measure_lines)(const HfLogFormat *self, const HfLogLines *lines);
    size_t (*write_lines)(HfLogFormat *self, char *buffer, const HfLogLines *lines);
    /* The length of the message in a line that write() made, given without its newline. */
    size_t (*measure_message)(const HfLogFormat *self, const char *line, size_t length);
    void (*free)(HfLogFormat *self);
} HfLogFormatClass;

/* The first member of each format's struct. */
struct HfLogFormat {
    const HfLogFormatClass *klass;
};
