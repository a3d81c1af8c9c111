/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works: whether a message is wanted is decided at its first piece, and holds for the
 * rest, so that no border of time goes through a message. Its time is that of its first piece.
 *
 * Joined pieces that would exceed the bound are handed out as partial, and joining starts over:
 * nothing is dropped for it. */

#include "logging/log-reader-join.h"
#include "protocol/time-stamp.h"

void
hf_log_reader_join_init(HfLogReaderJoin *self, const HfLogReaderOptions *options,
                        HfLogMessageFunc on_message, gpointer user_data)
{
    *self = (HfLogReaderJoin){.options = options, .on_message = on_message, .user_data = user_data};
}

static void
free_pieces(HfLogReaderJoinStream *stream)
{
    if (stream->pieces != NULL)
        g_string_free(g_steal_pointer(&stream->pieces), TRUE);
    stream->is_cut = false;
}

void
hf_log_reader_join_clear(HfLogReaderJoin *self)
{
    for (guint i = 0; i < HF_STREAM_COUNT; i++)
        free_pieces(&self->streams[i]);
}

bool
hf_log_reader_join_wants(const HfLogReaderOptions *options, const HfLogLine *line)
{
    if (options->has_stream && line->stream != options->stream)
        return false;
    if (options->has_since && hf_time_stamp_compare(&line->time, &options->since) < 0)
        return false;
    return !options->has_until || hf_time_stamp_compare(&line->time, &options->until) < 0;
}

static void
begin_message(HfLogReaderJoin *self, HfLogReaderJoinStream *stream, const HfLogLine *line)
{
    bool is_wanted = hf_log_reader_join_wants(self->options, line);

    stream->is_within = true;
    stream->is_skipped = is_wanted && stream->skip > 0;
    stream->is_unwanted = !is_wanted || stream->is_skipped;
    stream->time = line->time;
}

static void
hand_out(HfLogReaderJoin *self, HfStream stream, const char *bytes, size_t length, bool is_partial)
{
    const HfLogMessage message = {
        .time = self->streams[stream].time,
        .stream = stream,
        .is_partial = is_partial,
        .is_cut = self->streams[stream].is_cut,
        .bytes = bytes,
        .length = length,
    };

    self->streams[stream].is_cut = false;
    self->on_message(&message, self->user_data);
}

/* The string is taken away before the call, and freed after it. */
static void
hand_out_pieces(HfLogReaderJoin *self, HfStream stream, bool is_partial)
{
    GString *pieces = g_steal_pointer(&self->streams[stream].pieces);

    hand_out(self, stream, pieces->str, pieces->len, is_partial);
    g_string_free(pieces, TRUE);
}

static void
push_joined(HfLogReaderJoin *self, HfLogReaderJoinStream *stream, const HfLogLine *line)
{
    if (stream->pieces == NULL && !line->is_partial) {
        hand_out(self, line->stream, line->bytes, line->length, false);
        return;
    }
    if (stream->pieces != NULL && stream->pieces->len + line->length > self->options->message_max)
        hand_out_pieces(self, line->stream, true);
    if (stream->pieces == NULL)
        stream->pieces = g_string_sized_new(line->length);
    g_string_append_len(stream->pieces, line->bytes, (gssize)line->length);
    if (!line->is_partial)
        hand_out_pieces(self, line->stream, false);
}

void
hf_log_reader_join_push(HfLogReaderJoin *self, const HfLogLine *line, bool is_cut)
{
    HfLogReaderJoinStream *stream = &self->streams[line->stream];

    if (!stream->is_within)
        begin_message(self, stream, line);
    if (!line->is_partial) {
        stream->is_within = false;
        stream->skip -= stream->is_skipped ? 1 : 0;
    }
    if (stream->is_unwanted)
        return;
    stream->is_cut = stream->is_cut || is_cut;
    if (self->options->is_joining) {
        push_joined(self, stream, line);
        return;
    }
    stream->time = line->time;
    hand_out(self, line->stream, line->bytes, line->length, line->is_partial);
}

void
hf_log_reader_join_flush(HfLogReaderJoin *self)
{
    for (guint i = 0; i < HF_STREAM_COUNT; i++) {
        if (self->streams[i].pieces != NULL)
            hand_out_pieces(self, (HfStream)i, true);
    }
}
