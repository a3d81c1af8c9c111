/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#pragma once

#include <holdfast/stdio.h>

enum {
    HF_FIFO_STDIN,
    HF_FIFO_STDOUT,
    HF_FIFO_STDERR,
    HF_FIFO_COUNT,
};

struct _HfFifoSet {
    GObject parent_instance;

    char *directory;            /* NULL: the FIFOs were there before this object */
    char *paths[HF_FIFO_COUNT]; /* NULL: none */
    gboolean has_terminal;
};

/* For FIFOs whose other side nobody will open any more: the copying of what is in them ends. */
void hf_io_end_output(HfIo *self);
