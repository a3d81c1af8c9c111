/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The lines of the `ctl`, `winsz` and `control` FIFOs, and how bytes become lines. */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

typedef enum {
    HF_CONTROL_RESIZE,
    HF_CONTROL_REOPEN_LOGS,
    HF_CONTROL_CLOSE_STDIN,
    HF_CONTROL_UPGRADE,
} HfControlKind;

typedef struct {
    HfControlKind kind;
    unsigned short rows;    /* RESIZE */
    unsigned short columns; /* RESIZE */
} HfControlCommand;

/* A line of `ctl` without its newline: "1 ROWS COLUMNS", "2 ANY ANY" or "3 ANY ANY", decimal, sizes
 * up to 65535. What follows the third number and a blank is ignored (conmon does).
 * HF_ERROR_PROTOCOL names what is wrong with it. */
gboolean hf_control_line_parse(const char *line, HfControlCommand *out_command,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A line of `winsz`: "ROWS COLUMNS". */
gboolean hf_control_line_parse_size(const char *line, unsigned short *out_rows,
                                    unsigned short *out_columns,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A line of a process directory's `control`: "0 ANY ANY" close stdin, "1 WIDTH HEIGHT" (the other
 * way round than `ctl`), "2 ANY ANY" reopen the logs, "3 ANY ANY" upgrade. */
gboolean hf_control_line_parse_process(const char *line, HfControlCommand *out_command,
                                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Joins what several reads bring into lines. A line of HF_CONTROL_LINE_MAX bytes or more, or with a
 * NUL in it, is dropped whole, and nothing after its newline is. Embedded in its owner; zeroed is
 * empty. */
#define HF_CONTROL_LINE_MAX 256

typedef struct {
    char text[HF_CONTROL_LINE_MAX];
    size_t length;
    bool is_dropped; /* up to the next newline */
} HfControlReader;

/* @line is valid during the call, and NULL for one that was dropped. The reader must outlive the
 * call. */
typedef void (*HfControlLineFunc)(const char *line, gpointer user_data);

void hf_control_reader_push(HfControlReader *self, const char *bytes, size_t length,
                            HfControlLineFunc on_line, gpointer user_data);
