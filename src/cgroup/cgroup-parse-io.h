/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Block I/O and pressure, from bytes to values. Pure functions of the form HfCgroupParser. */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

/* The kernel's names are Read, Write, Sync, Async, Discard and Total. */
#define HF_CGROUP_OP_SIZE 16

typedef struct {
    guint64 major;
    guint64 minor;
    char op[HF_CGROUP_OP_SIZE]; /* letters; "" where the file has one number for a device */
    guint64 value;
} HfCgroupBlkioEntry;

/* GArray of HfCgroupBlkioEntry: a v1 file with lines of "MAJOR:MINOR [OP] NUMBER" and "Total
 * NUMBER", of which the latter is left out. */
gboolean hf_cgroup_parse_blkio(const char *text, size_t length, gpointer out,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef struct {
    GArray *bytes;      /* of HfCgroupBlkioEntry */
    GArray *operations; /* of HfCgroupBlkioEntry */
} HfCgroupIoStat;

/* HfCgroupIoStat: io.stat (v2), lines of "MAJOR:MINOR KEY=NUMBER...". rbytes and rios become Read,
 * wbytes and wios Write; other keys are passed over whatever they hold. */
gboolean hf_cgroup_parse_io_stat(const char *text, size_t length, gpointer out,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef struct {
    double avg10; /* percent of the last ten seconds */
    double avg60;
    double avg300;
    guint64 total_us;
} HfCgroupStall;

typedef struct {
    bool is_known;
    HfCgroupStall some; /* at least one task waited */
    HfCgroupStall full; /* all waited at once */
} HfCgroupPressure;

/* HfCgroupPressure: cpu.pressure, memory.pressure or io.pressure. */
gboolean hf_cgroup_parse_pressure(const char *text, size_t length, gpointer out,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
