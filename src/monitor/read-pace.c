/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works.
 *
 * A writer that does not collect its lines wakes its reader for each, and a wake-up costs many
 * times what the line does. So after HASTY_READS reads with less than HASTY_GAP_US between them a
 * rest is proposed, and another one after it as long as the read at its end brings more than
 * REST_WORTH_READS of them did. A stream that a person types to does not come to that: sixteen keys
 * take longer than four milliseconds.
 *
 * A rest must not fill the pipe, because its writer would then be held up and the whole be slower
 * than without. What came of late, and in what time, says what may come. */

#include <stdbool.h>

#include "monitor/read-pace.h"

#define HASTY_READS 16
#define HASTY_GAP_US 250
#define REST_WORTH_READS 4

static size_t
measure_need(size_t bytes, gint64 elapsed_us)
{
    return 2 * HF_READ_PACE_REST_MS * 1000 * bytes / (size_t)MAX(elapsed_us, 1);
}

size_t
hf_read_pace_note(HfReadPace *self, gint64 now_us, size_t length)
{
    bool is_hasty = now_us - self->last_us < HASTY_GAP_US;

    self->last_us = now_us;
    if (!is_hasty || self->reads >= HASTY_READS) {
        self->reads = 0;
        self->bytes = 0;
        self->since_us = now_us;
        return 0;
    }
    self->reads++;
    self->bytes += length;
    return self->reads < HASTY_READS ? 0 : measure_need(self->bytes, now_us - self->since_us);
}

size_t
hf_read_pace_note_rested(HfReadPace *self, gint64 now_us, size_t length)
{
    gint64 elapsed_us = now_us - self->last_us;

    self->last_us = now_us;
    if (length * HASTY_READS <= self->bytes * REST_WORTH_READS)
        return 0;
    return measure_need(length, elapsed_us);
}
