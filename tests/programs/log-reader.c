/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Prints what a container wrote, as a log has it: the bytes of the messages, each with the newline
 * it had. Problems go to stderr, one line each.
 *
 *      log-reader [--follow] [--tail N] [--since TIME] [--until TIME] [--stream NAME] [--join]
 *                 [--stop-after TEXT] PATH
 *
 * --stop-after ends following once a message is TEXT. */

#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "logging/log-reader.h"
#include "protocol/time-stamp.h"

typedef struct {
    GMainLoop *loop;
    HfLogReader *reader;
    const char *stop_after;
    int status;
} Program;

typedef struct {
    gboolean is_following;
    gboolean is_joining;
    gint64 tail;
    char *since;
    char *until;
    char *stream;
    char *stop_after;
} Arguments;

static void
on_message(const HfLogMessage *message, gpointer user_data)
{
    Program *self = user_data;

    (void)!fwrite(message->bytes, 1, message->length, stdout);
    if (!message->is_partial)
        (void)!fputc('\n', stdout);
    if (self->stop_after != NULL && strlen(self->stop_after) == message->length &&
        memcmp(self->stop_after, message->bytes, message->length) == 0) {
        hf_log_reader_set_paused(self->reader, true);
        g_main_loop_quit(self->loop);
    }
}

static void
on_problem(HfLogReaderProblem problem, gpointer user_data)
{
    g_printerr("%s\n", hf_log_reader_problem_to_string(problem));
}

static void
on_caught_up(gpointer user_data)
{
    (void)fflush(stdout);
}

static void
on_end(const GError *error, gpointer user_data)
{
    Program *self = user_data;

    if (error != NULL) {
        g_printerr("%s\n", error->message);
        self->status = 1;
    }
    g_main_loop_quit(self->loop);
}

static bool
parse_time(const char *text, bool *out_has_time, struct timespec *out_time)
{
    const char *at = text;
    const char *end;

    *out_has_time = text != NULL;
    if (text == NULL)
        return true;
    end = text + strlen(text);
    return hf_time_stamp_take(&at, end, out_time) == HF_PARSE_OK && at == end;
}

static bool
make_options(const Arguments *arguments, HfLogReaderOptions *out_options)
{
    *out_options = (HfLogReaderOptions){
        .is_following = arguments->is_following,
        .is_joining = arguments->is_joining,
        .tail = arguments->tail,
        .has_stream = arguments->stream != NULL,
        .stream = g_strcmp0(arguments->stream, "stderr") == 0 ? HF_STREAM_STDERR : HF_STREAM_STDOUT,
    };
    return parse_time(arguments->since, &out_options->has_since, &out_options->since) &&
           parse_time(arguments->until, &out_options->has_until, &out_options->until);
}

static int
run(const Arguments *arguments, const char *path)
{
    static const HfLogReaderHandlers handlers = {on_message, on_problem, on_caught_up, on_end};
    g_autoptr(GError) error = NULL;
    HfLogReaderOptions options;
    Program program = {.stop_after = arguments->stop_after};

    if (!make_options(arguments, &options)) {
        g_printerr("no time\n");
        return 2;
    }
    program.reader = hf_log_reader_new(NULL, path, &options, &handlers, &program, &error);
    if (program.reader == NULL) {
        g_printerr("%s\n", error->message);
        return 1;
    }
    program.loop = g_main_loop_new(NULL, FALSE);
    g_main_loop_run(program.loop);
    g_main_loop_unref(program.loop);
    hf_log_reader_free(program.reader);
    return fflush(stdout) == 0 ? program.status : 1;
}

int
main(int argc, char **argv)
{
    Arguments arguments = {.tail = HF_LOG_READER_TAIL_ALL};
    const GOptionEntry entries[] = {
        {"follow", 0, 0, G_OPTION_ARG_NONE, &arguments.is_following, NULL, NULL},
        {"join", 0, 0, G_OPTION_ARG_NONE, &arguments.is_joining, NULL, NULL},
        {"tail", 0, 0, G_OPTION_ARG_INT64, &arguments.tail, NULL, "N"},
        {"since", 0, 0, G_OPTION_ARG_STRING, &arguments.since, NULL, "TIME"},
        {"until", 0, 0, G_OPTION_ARG_STRING, &arguments.until, NULL, "TIME"},
        {"stream", 0, 0, G_OPTION_ARG_STRING, &arguments.stream, NULL, "NAME"},
        {"stop-after", 0, 0, G_OPTION_ARG_STRING, &arguments.stop_after, NULL, "TEXT"},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("PATH");
    g_autoptr(GError) error = NULL;
    int status = 2;

    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error))
        g_printerr("%s\n", error->message);
    else if (argc == 2)
        status = run(&arguments, argv[1]);
    g_free(arguments.since);
    g_free(arguments.until);
    g_free(arguments.stream);
    g_free(arguments.stop_after);
    return status;
}
