/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What a container printed is any bytes. On a terminal they could do anything to it, so control
 * characters are shown there and not acted on, unless --raw says otherwise. In a pipe or file they
 * go as they are. */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/json.h"
#include "cli/text.h"

typedef struct {
    gboolean follow;
    gboolean shows_time;
    gboolean is_raw;
    char *tail;
    char *since;
    char *until;
    char *stream;
    char *process_id;
} LogsArguments;

typedef struct {
    HfCliFormat format;
    gboolean shows_time;
    /* by stream; one may be a terminal's and the other not */
    gboolean is_escaped[HF_LOG_STREAM_STDERR + 1];
    gboolean is_mid_line[HF_LOG_STREAM_STDERR + 1]; /* a part of a line is printed */
} Printer;

static void
logs_arguments_clear(LogsArguments *self)
{
    g_free(self->tail);
    g_free(self->since);
    g_free(self->until);
    g_free(self->stream);
    g_free(self->process_id);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(LogsArguments, logs_arguments_clear)

static char *
format_time(gint64 time_ns)
{
    /* Before 1970 the remainder is less than 0. */
    gint64 fraction = (time_ns % 1000000000 + 1000000000) % 1000000000;
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc((time_ns - fraction) / 1000000000);
    g_autoptr(GDateTime) local = utc != NULL ? g_date_time_to_local(utc) : NULL;
    g_autofree char *seconds = NULL;
    g_autofree char *zone = NULL;

    if (local == NULL)
        return g_strdup("?");
    seconds = g_date_time_format(local, "%Y-%m-%dT%H:%M:%S");
    zone = g_date_time_format(local, "%:z");
    return g_strdup_printf("%s.%09" G_GINT64_FORMAT "%s", seconds, fraction, zone);
}

static gboolean
print_json(const HfLogEntry *entry, const char *bytes, gsize length)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    g_autofree char *time = format_time(hf_log_entry_get_time_ns(entry));
    g_autofree char *text = g_utf8_make_valid(bytes, (gssize)length);
    g_autofree char *line = NULL;

    json_builder_begin_object(builder);
    hf_json_add_string(builder, "time", time);
    hf_json_add_string(builder, "stream",
                       hf_log_entry_get_stream(entry) == HF_LOG_STREAM_STDERR ? "stderr"
                                                                              : "stdout");
    hf_json_add_bool(builder, "partial", hf_log_entry_is_partial(entry));
    hf_json_add_string(builder, "log", text);
    json_builder_end_object(builder);
    line = hf_json_to_text(builder, FALSE);
    return fprintf(stdout, "%s\n", line) >= 0 && fflush(stdout) == 0;
}

static gboolean
print_entry(const HfLogEntry *entry, gpointer user_data)
{
    Printer *printer = user_data;
    HfLogStream stream = hf_log_entry_get_stream(entry);
    FILE *file = stream == HF_LOG_STREAM_STDERR ? stderr : stdout;
    gsize length = 0;
    const char *bytes = hf_log_entry_get_bytes(entry, &length);
    g_autofree char *escaped = NULL;

    if (printer->format == HF_CLI_JSON)
        return print_json(entry, bytes, length);
    if (printer->is_escaped[stream]) {
        /* A terminal ends its lines with it. */
        if (!hf_log_entry_is_partial(entry) && length > 0 && bytes[length - 1] == '\r')
            length--;
        escaped = hf_text_escape(bytes, length);
        bytes = escaped;
        length = strlen(escaped);
    }
    if (printer->shows_time && !printer->is_mid_line[stream]) {
        g_autofree char *time = format_time(hf_log_entry_get_time_ns(entry));

        fprintf(file, "%s ", time);
    }
    fwrite(bytes, 1, length, file);
    printer->is_mid_line[stream] = hf_log_entry_is_partial(entry);
    if (!printer->is_mid_line[stream])
        fputc('\n', file);
    return fflush(file) == 0;
}

static gboolean
set_time(HfLogOptions *options, const char *name, const char *text, GError **error)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autoptr(GDateTime) time = NULL;

    if (text == NULL)
        return TRUE;
    time = hf_text_parse_time(text, now, error);
    if (time == NULL) {
        g_prefix_error(error, "--%s: ", name);
        return FALSE;
    }
    g_object_set(options, name, time, NULL);
    return TRUE;
}

static gboolean
set_tail(HfLogOptions *options, const char *text, GError **error)
{
    guint64 lines = 0;

    if (text == NULL || g_str_equal(text, "all"))
        return TRUE;
    if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT64, &lines, NULL)) {
        g_set_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT,
                    "--tail: '%s' is neither a number of lines nor \"all\"", text);
        return FALSE;
    }
    g_object_set(options, "tail", (gint64)lines, NULL);
    return TRUE;
}

static gboolean
set_stream(HfLogOptions *options, const char *text, GError **error)
{
    if (text == NULL)
        return TRUE;
    if (!g_str_equal(text, "stdout") && !g_str_equal(text, "stderr")) {
        g_set_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT,
                    "--stream: '%s' is neither stdout nor stderr", text);
        return FALSE;
    }
    g_object_set(options, "stream",
                 g_str_equal(text, "stderr") ? HF_LOG_STREAM_STDERR : HF_LOG_STREAM_STDOUT, NULL);
    return TRUE;
}

static HfLogOptions *
make_options(const LogsArguments *arguments, GError **error)
{
    g_autoptr(HfLogOptions) options = hf_log_options_new();

    g_object_set(options, "follow", arguments->follow, NULL);
    if (!set_tail(options, arguments->tail, error) ||
        !set_time(options, "since", arguments->since, error) ||
        !set_time(options, "until", arguments->until, error) ||
        !set_stream(options, arguments->stream, error))
        return NULL;
    return g_steal_pointer(&options);
}

static gboolean
parse(HfCli *cli, LogsArguments *arguments, int *argc, char ***argv, GError **error)
{
    const GOptionEntry entries[] = {
        {"follow", 'f', 0, G_OPTION_ARG_NONE, &arguments->follow,
         "Go on until the process has ended", NULL},
        {"tail", 'n', 0, G_OPTION_ARG_STRING, &arguments->tail, "So many lines from the end", "N"},
        {"since", 0, 0, G_OPTION_ARG_STRING, &arguments->since,
         "From this moment on: a time, or how long ago, as 10m", "TIME"},
        {"until", 0, 0, G_OPTION_ARG_STRING, &arguments->until, "Before this moment", "TIME"},
        {"timestamps", 't', 0, G_OPTION_ARG_NONE, &arguments->shows_time,
         "Show when each line came", NULL},
        {"stream", 0, 0, G_OPTION_ARG_STRING, &arguments->stream, "Only stdout, or only stderr",
         "STREAM"},
        {"process", 'p', 0, G_OPTION_ARG_STRING, &arguments->process_id,
         "Of which process: the first by default", "PROCESS"},
        {"raw", 0, 0, G_OPTION_ARG_NONE, &arguments->is_raw,
         "Let control characters act on the terminal", NULL},
        {0},
    };

    return hf_cli_parse_operands(cli, entries, "ID", 1, 1, argc, argv, error);
}

static HfProcess *
load(HfCli *cli, const char *id, const LogsArguments *arguments, GError **error)
{
    /* What is there already needs no monitor. */
    if (!arguments->follow)
        return hf_cli_load_process(cli, id, arguments->process_id, error);
    return hf_cli_load_watched_process(cli, id, arguments->process_id, error);
}

int
hf_cmd_logs(HfCli *cli, int argc, char **argv, GError **error)
{
    g_auto(LogsArguments) arguments = {0};
    g_autoptr(HfProcess) process = NULL;
    g_autoptr(HfLogOptions) options = NULL;
    Printer printer = {0};

    if (!parse(cli, &arguments, &argc, &argv, error))
        return -1;
    options = make_options(&arguments, error);
    process = options != NULL ? load(cli, argv[1], &arguments, error) : NULL;
    if (process == NULL)
        return -1;
    printer.format = cli->format;
    printer.shows_time = arguments.shows_time;
    printer.is_escaped[HF_LOG_STREAM_STDOUT] = isatty(STDOUT_FILENO) && !arguments.is_raw;
    printer.is_escaped[HF_LOG_STREAM_STDERR] = isatty(STDERR_FILENO) && !arguments.is_raw;
    if (!hf_process_read_log(process, options, NULL, print_entry, &printer, error))
        return -1;
    return 0;
}
