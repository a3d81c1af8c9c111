/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works.
 *
 *      FIRST     no file is there yet. What appears later is new, and read from its beginning
 *      LOCATING  files are opened backward until the place to begin at is found (-start.c)
 *      READING   the oldest file that is open is read to its end, then the next
 *      ENDED
 *
 * All of it is done by one source, the work, in steps of about a block. It exists while there is
 * something to do, and a wake-up does a bounded part of it. At the end of the newest file it goes
 * away, and an event of the files or their directory brings it back.
 *
 * When is a file at its end for good? Its name tells nothing: whoever rotates by renaming lets the
 * writer go on in the renamed file until it opens the new one. A byte in a newer file does: the
 * writer has changed over then, and what it wrote to the old file is there. So the end of a file is
 * final if a newer one had bytes before that end was seen. A line without a newline there is torn;
 * at the end of the newest file it is waited for.
 *
 * Newer files are opened at each wake-up, not only when the one that is read ends: a reader that is
 * behind loses nothing by a writer that removes old files, as far as the chain is long.
 *
 * Handlers may pause the reader, so each message may be the last of a step: lines that are still in
 * the buffer come first in the next. */

#include "base/clock.h"
#include "base/error.h"
#include "base/source.h"
#include "logging/log-reader-private.h"

/* A step counts for so many at least. */
#define STEP_BYTES 4096
#define NEWER_FILES_MAX 16
#define TIMER_MAX_S 3600

static const char *const problem_texts[] = {
    [HF_LOG_READER_PROBLEM_GARBAGE] = "a line that is no record is skipped",
    [HF_LOG_READER_PROBLEM_TORN] = "the beginning of a record without its end is skipped",
    [HF_LOG_READER_PROBLEM_CUT] = "a line is too long",
    [HF_LOG_READER_PROBLEM_TRUNCATED] = "the file was truncated",
    [HF_LOG_READER_PROBLEM_GAP] = "files may have been removed before they were read",
    [HF_LOG_READER_PROBLEM_COMPRESSED] = "older files are compressed and are not read",
    [HF_LOG_READER_PROBLEM_DAMAGED] = "a compressed file is damaged, and read as far as it goes",
};
G_STATIC_ASSERT(G_N_ELEMENTS(problem_texts) == HF_LOG_READER_PROBLEM_COUNT);

const char *
hf_log_reader_problem_to_string(HfLogReaderProblem problem)
{
    return problem_texts[problem];
}

void
hf_log_reader_report(HfLogReader *self, HfLogReaderProblem problem)
{
    bool is_told = problem != HF_LOG_READER_PROBLEM_GARBAGE || self->problems[problem] == 0;

    self->problems[problem]++;
    if (is_told && self->handlers->on_problem != NULL)
        self->handlers->on_problem(problem, self->user_data);
}

static void
end(HfLogReader *self, const GError *error)
{
    self->phase = HF_LOG_READER_PHASE_ENDED;
    hf_source_clear(&self->watch_source);
    hf_source_clear(&self->work_source);
    hf_source_clear(&self->until_source);
    hf_log_reader_join_flush(&self->join);
    if (self->handlers->on_end != NULL)
        self->handlers->on_end(error, self->user_data);
}

static void
handle_line(HfLogReader *self, const char *text, size_t length, bool is_cut)
{
    HfLogLine line;
    HfParseResult result =
        hf_log_line_parse(self->options.format, text, length, self->scratch, &line);

    if (is_cut)
        hf_log_reader_report(self, HF_LOG_READER_PROBLEM_CUT);
    else if (result != HF_PARSE_OK)
        hf_log_reader_report(self, result == HF_PARSE_TORN ? HF_LOG_READER_PROBLEM_TORN
                                                           : HF_LOG_READER_PROBLEM_GARBAGE);
    if (result == HF_PARSE_OK)
        hf_log_reader_join_push(&self->join, &line, is_cut);
}

/* False: paused before the last line. */
static bool
hand_out_lines(HfLogReader *self)
{
    const char *line;
    size_t length;
    bool is_cut;

    while (!self->is_paused) {
        if (!hf_log_reader_input_take_line(&self->input, &line, &length, &is_cut))
            return true;
        handle_line(self, line, length, is_cut);
    }
    return false;
}

/* HF_LOG_READER_STEP_IDLE: there is no newer file. */
static HfLogReaderStep
open_newer(HfLogReader *self, GError **error)
{
    bool is_gap = false;
    HfLogReaderFind result = hf_log_reader_chain_add_newer(self->chain, &is_gap, error);

    if (is_gap)
        hf_log_reader_report(self, HF_LOG_READER_PROBLEM_GAP);
    return hf_log_reader_to_step(result);
}

static void
leave_file(HfLogReader *self)
{
    if (hf_log_reader_input_is_within_line(&self->input))
        hf_log_reader_report(self, HF_LOG_READER_PROBLEM_TORN);
    hf_log_reader_chain_drop_oldest(self->chain);
    hf_log_reader_input_start(&self->input, 0);
    self->is_final = false;
}

static HfLogReaderStep
step_at_end_of_file(HfLogReader *self, GError **error)
{
    HfLogReaderStep step;

    if (self->is_final) {
        leave_file(self);
        return HF_LOG_READER_STEP_MORE;
    }
    step = open_newer(self, error);
    if (step == HF_LOG_READER_STEP_FAILED)
        return step;
    self->is_final = hf_log_reader_chain_has_newer_bytes(self->chain);
    return self->is_final ? HF_LOG_READER_STEP_MORE : step;
}

static HfLogReaderStep
step_reading(HfLogReader *self, GError **error)
{
    const HfLogReaderFile *file = hf_log_reader_chain_get_oldest(self->chain);
    size_t length = 0;

    if (!hand_out_lines(self))
        return HF_LOG_READER_STEP_MORE;
    if (hf_log_reader_needs_unpacking(self))
        return hf_log_reader_step_unpacking(self, error);
    switch (hf_log_reader_input_fill(&self->input, hf_log_reader_file_get_readable_fd(file),
                                     &length, error)) {
    case HF_LOG_READER_DATA:
        self->budget -= MIN(self->budget, length);
        (void)hand_out_lines(self);
        return HF_LOG_READER_STEP_MORE;
    case HF_LOG_READER_END:
        return step_at_end_of_file(self, error);
    case HF_LOG_READER_TRUNCATED:
        hf_log_reader_report(self, HF_LOG_READER_PROBLEM_TRUNCATED);
        return HF_LOG_READER_STEP_MORE;
    case HF_LOG_READER_ERROR:
    default:
        return HF_LOG_READER_STEP_FAILED;
    }
}

static HfLogReaderStep
take_step(HfLogReader *self, GError **error)
{
    self->budget -= MIN(self->budget, STEP_BYTES);
    switch (self->phase) {
    case HF_LOG_READER_PHASE_FIRST:
        return hf_log_reader_step_first(self, error);
    case HF_LOG_READER_PHASE_LOCATING:
        return hf_log_reader_step_locating(self, error);
    case HF_LOG_READER_PHASE_READING:
        return step_reading(self, error);
    case HF_LOG_READER_PHASE_ENDED:
    default:
        return HF_LOG_READER_STEP_IDLE;
    }
}

static bool
has_passed_until(const HfLogReader *self, gint64 *out_left_s)
{
    struct timespec now = hf_clock_now();

    *out_left_s =
        (gint64)self->options.until.tv_sec + 1 + HF_LOG_READER_WRITER_DELAY_S - now.tv_sec;
    return self->options.has_until && *out_left_s <= 0;
}

static void start_work(HfLogReader *self);

static gboolean
on_until(gpointer user_data)
{
    HfLogReader *self = user_data;

    hf_source_clear(&self->until_source);
    start_work(self);
    return G_SOURCE_REMOVE;
}

/* Everything that is there has been handed out. */
static void
go_idle(HfLogReader *self)
{
    g_autoptr(GError) gone = NULL;
    gint64 left_s = 0;

    hf_source_clear(&self->work_source);
    hf_log_reader_input_release_memory(&self->input);
    if (!self->is_caught_up && self->options.is_following && self->handlers->on_caught_up != NULL) {
        self->is_caught_up = true;
        self->handlers->on_caught_up(self->user_data);
    }
    if (!self->options.is_following || has_passed_until(self, &left_s)) {
        end(self, NULL);
    } else if (self->is_directory_gone) {
        hf_throw(&gone, HF_ERROR_NOT_FOUND, "the log's directory was removed");
        end(self, gone);
    } else if (self->options.has_until && self->until_source == NULL) {
        self->until_source =
            hf_source_after(self->context, (guint)MIN(left_s, TIMER_MAX_S) * 1000,
                            HF_PRIORITY_OUTPUT, "log-reader-until", on_until, self);
    }
}

static gboolean
open_all_newer(HfLogReader *self, GError **error)
{
    HfLogReaderStep step = HF_LOG_READER_STEP_MORE;

    for (guint i = 0; i < NEWER_FILES_MAX && step == HF_LOG_READER_STEP_MORE; i++)
        step = self->phase == HF_LOG_READER_PHASE_READING ? open_newer(self, error)
                                                          : HF_LOG_READER_STEP_IDLE;
    return step != HF_LOG_READER_STEP_FAILED;
}

static gboolean
on_work(gpointer user_data)
{
    HfLogReader *self = user_data;
    g_autoptr(GError) error = NULL;
    HfLogReaderStep step = HF_LOG_READER_STEP_MORE;

    self->budget = HF_LOG_READER_WORK_BYTES;
    if (!open_all_newer(self, &error))
        step = HF_LOG_READER_STEP_FAILED;
    while (step == HF_LOG_READER_STEP_MORE && self->budget > 0 && !self->is_paused)
        step = take_step(self, &error);
    if (step == HF_LOG_READER_STEP_FAILED)
        end(self, error);
    else if (step == HF_LOG_READER_STEP_IDLE && !self->is_paused)
        go_idle(self);
    else if (self->is_paused)
        hf_source_clear(&self->work_source);
    return G_SOURCE_CONTINUE;
}

static void
start_work(HfLogReader *self)
{
    if (self->work_source == NULL && self->phase != HF_LOG_READER_PHASE_ENDED && !self->is_paused)
        self->work_source =
            hf_source_after(self->context, 0, HF_PRIORITY_OUTPUT, "log-reader-work", on_work, self);
}

static gboolean
on_events(int fd, GIOCondition condition, gpointer user_data)
{
    HfLogReader *self = user_data;
    HfLogReaderEvents events = hf_log_reader_chain_take_events(self->chain);

    if (events == HF_LOG_READER_DIRECTORY_GONE)
        self->is_directory_gone = true;
    if (events != HF_LOG_READER_QUIET)
        start_work(self);
    return G_SOURCE_CONTINUE;
}

void
hf_log_reader_set_paused(HfLogReader *self, bool is_paused)
{
    self->is_paused = is_paused;
    if (!is_paused)
        start_work(self);
}

guint64
hf_log_reader_count_problems(const HfLogReader *self, HfLogReaderProblem problem)
{
    return self->problems[problem];
}

HfLogReader *
hf_log_reader_new(GMainContext *context, const char *path, const HfLogReaderOptions *options,
                  const HfLogReaderHandlers *handlers, gpointer user_data, GError **error)
{
    g_autoptr(HfLogReaderChain) chain = NULL;
    HfLogReader *self;

    g_return_val_if_fail(handlers->on_message != NULL, NULL);
    chain = hf_log_reader_chain_new(path, options->is_following, error);
    if (chain == NULL)
        return NULL;

    self = g_new0(HfLogReader, 1);
    self->context = context != NULL ? g_main_context_ref(context) : NULL;
    self->options = *options;
    if (self->options.message_max == 0)
        self->options.message_max = HF_LOG_READER_MESSAGE_MAX;
    self->handlers = handlers;
    self->user_data = user_data;
    self->chain = g_steal_pointer(&chain);
    self->scratch = g_string_new(NULL);
    hf_log_reader_input_init(&self->input, hf_log_reader_get_line_max(&self->options));
    hf_log_reader_join_init(&self->join, &self->options, handlers->on_message, user_data);
    if (options->is_following)
        self->watch_source =
            hf_source_watch_fd(context, hf_log_reader_chain_get_fd(self->chain), G_IO_IN,
                               HF_PRIORITY_OUTPUT, "log-reader-events", on_events, self);
    start_work(self);
    return self;
}

void
hf_log_reader_free(HfLogReader *self)
{
    if (self == NULL)
        return;
    hf_source_clear(&self->watch_source);
    hf_source_clear(&self->work_source);
    hf_source_clear(&self->until_source);
    hf_log_reader_tail_free(self->tail);
    hf_log_reader_unpack_free(self->unpack);
    hf_log_reader_chain_free(self->chain);
    hf_log_reader_input_clear(&self->input);
    hf_log_reader_join_clear(&self->join);
    g_string_free(self->scratch, TRUE);
    g_clear_pointer(&self->context, g_main_context_unref);
    g_free(self);
}
