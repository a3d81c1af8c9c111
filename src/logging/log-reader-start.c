/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works: without a tail, reading begins with the oldest file there is, or the oldest that
 * is new enough for since. With one, files are entered from the newest on until it has found its
 * place; each that is compressed is unpacked before it is entered. What is unpacked stays so as
 * long as the file is open: it will be read from the place found. */

#include <sys/stat.h>

#include "logging/log-reader-private.h"

/* What surrounds a message in a CRI record, with tags to come. */
#define LINE_OVERHEAD 4096
/* A JSON string has at most so many bytes for one: "\u0000" */
#define JSON_BYTES_PER_BYTE 6

size_t
hf_log_reader_get_line_max(const HfLogReaderOptions *options)
{
    size_t per_byte = options->format == HF_LOG_LINE_FORMAT_CRI ? 1 : JSON_BYTES_PER_BYTE;

    return options->message_max * per_byte + LINE_OVERHEAD;
}

HfLogReaderStep
hf_log_reader_to_step(HfLogReaderFind result)
{
    if (result == HF_LOG_READER_FAILED)
        return HF_LOG_READER_STEP_FAILED;
    return result == HF_LOG_READER_NONE ? HF_LOG_READER_STEP_IDLE : HF_LOG_READER_STEP_MORE;
}

static void
begin_reading(HfLogReader *self)
{
    off_t offset = 0;

    if (self->tail != NULL) {
        offset = hf_log_reader_tail_get_offset(self->tail);
        for (guint i = hf_log_reader_tail_count_surplus(self->tail); i > 0; i--)
            hf_log_reader_chain_drop_oldest(self->chain);
        for (guint i = 0; i < HF_STREAM_COUNT; i++)
            self->join.streams[i].skip = hf_log_reader_tail_get_skip(self->tail, (HfStream)i);
        g_clear_pointer(&self->tail, hf_log_reader_tail_free);
    }
    hf_log_reader_input_start(&self->input, offset);
    self->phase = HF_LOG_READER_PHASE_READING;
}

/* Nothing in the oldest file, nor in those before it, is as new as since. */
static bool
is_before_since(const HfLogReader *self)
{
    const HfLogReaderFile *file = hf_log_reader_chain_get_oldest(self->chain);
    struct stat status;

    return self->options.has_since && fstat(file->fd, &status) == 0 &&
           status.st_mtim.tv_sec + HF_LOG_READER_WRITER_DELAY_S < self->options.since.tv_sec;
}

bool
hf_log_reader_needs_unpacking(const HfLogReader *self)
{
    const HfLogReaderFile *file = hf_log_reader_chain_get_oldest(self->chain);

    return hf_log_reader_file_get_readable_fd(file) < 0;
}

HfLogReaderStep
hf_log_reader_step_unpacking(HfLogReader *self, GError **error)
{
    HfLogReaderUnpackStep step;
    size_t length = 0;

    if (self->unpack == NULL)
        self->unpack =
            hf_log_reader_unpack_new(hf_log_reader_chain_get_oldest(self->chain)->fd, error);
    if (self->unpack == NULL)
        return HF_LOG_READER_STEP_FAILED;
    step = hf_log_reader_unpack_step(self->unpack, &length, error);
    self->budget -= MIN(self->budget, length);
    if (step == HF_LOG_READER_UNPACK_FAILED)
        return HF_LOG_READER_STEP_FAILED;
    if (step == HF_LOG_READER_UNPACK_MORE)
        return HF_LOG_READER_STEP_MORE;
    if (step == HF_LOG_READER_UNPACK_DAMAGED)
        hf_log_reader_report(self, HF_LOG_READER_PROBLEM_DAMAGED);
    hf_log_reader_chain_take_plain_fd(self->chain, hf_log_reader_unpack_steal_fd(self->unpack));
    g_clear_pointer(&self->unpack, hf_log_reader_unpack_free);
    return HF_LOG_READER_STEP_MORE;
}

static HfLogReaderStep
step_entering(HfLogReader *self, GError **error)
{
    const HfLogReaderFile *file = hf_log_reader_chain_get_oldest(self->chain);

    if (hf_log_reader_needs_unpacking(self))
        return hf_log_reader_step_unpacking(self, error);
    self->is_entering = false;
    return hf_log_reader_tail_enter(self->tail, hf_log_reader_file_get_readable_fd(file), error)
               ? HF_LOG_READER_STEP_MORE
               : HF_LOG_READER_STEP_FAILED;
}

static HfLogReaderStep
step_to_older(HfLogReader *self, GError **error)
{
    HfLogReaderFind result = HF_LOG_READER_NONE;

    if (!is_before_since(self)) {
        result = hf_log_reader_chain_add_older(self->chain, error);
        if (result == HF_LOG_READER_NONE) {
            g_autofree char *name = hf_log_reader_chain_dup_compressed(self->chain);

            if (name != NULL)
                hf_log_reader_report(self, HF_LOG_READER_PROBLEM_COMPRESSED);
        }
    }
    self->is_entering = result == HF_LOG_READER_FOUND;
    if (result == HF_LOG_READER_NONE)
        begin_reading(self);
    return result == HF_LOG_READER_FAILED ? HF_LOG_READER_STEP_FAILED : HF_LOG_READER_STEP_MORE;
}

HfLogReaderStep
hf_log_reader_step_locating(HfLogReader *self, GError **error)
{
    if (self->tail == NULL)
        return step_to_older(self, error);
    if (self->is_entering)
        return step_entering(self, error);
    switch (hf_log_reader_tail_step(self->tail, error)) {
    case HF_LOG_READER_TAIL_OLDER:
        return step_to_older(self, error);
    case HF_LOG_READER_TAIL_DONE:
        begin_reading(self);
        return HF_LOG_READER_STEP_MORE;
    case HF_LOG_READER_TAIL_MORE:
        /* A block; the budget holds it as it does one of step_reading(). */
        self->budget -= MIN(self->budget, HF_LOG_READER_WORK_BYTES / 4);
        return HF_LOG_READER_STEP_MORE;
    case HF_LOG_READER_TAIL_FAILED:
    default:
        return HF_LOG_READER_STEP_FAILED;
    }
}

HfLogReaderStep
hf_log_reader_step_first(HfLogReader *self, GError **error)
{
    HfLogReaderStep step =
        hf_log_reader_to_step(hf_log_reader_chain_open_first(self->chain, error));

    if (step == HF_LOG_READER_STEP_IDLE) {
        self->options.tail = HF_LOG_READER_TAIL_ALL;
    } else if (step == HF_LOG_READER_STEP_MORE) {
        self->phase = HF_LOG_READER_PHASE_LOCATING;
        if (self->options.tail >= 0)
            self->tail =
                hf_log_reader_tail_new(&self->options, hf_log_reader_get_line_max(&self->options));
        self->is_entering = true;
    }
    return step;
}
