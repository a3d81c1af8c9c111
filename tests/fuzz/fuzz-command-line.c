/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The monitor's command line, that which process.json becomes, and what people give and see. */

#include <string.h>

#include "base/error.h"
#include "cli/text.h"
#include "fuzz.h"
#include "monitor/options-check.h"
#include "monitor/options.h"
#include "shim/shim-argv.h"
#include "shim/shim-spec.h"
#include "state/json-text.h"
#include "state/process-file.h"

/* --help, -h and -? end the program. */
static bool
asks_for_help(const char *word)
{
    if (g_str_has_prefix(word, "--"))
        return g_str_has_prefix(word, "--help");
    return *word == '-' && strpbrk(word, "h?") != NULL;
}

/* The words of the input, with "monitor" before them. (transfer full) */
static GPtrArray *
take_words(HfFuzzInput *input)
{
    GPtrArray *words = g_ptr_array_new_with_free_func(g_free);

    g_ptr_array_add(words, g_strdup("monitor"));
    while (input->left > 0 && words->len < 200) {
        char *word = hf_fuzz_take_text(input);

        if (asks_for_help(word))
            g_free(word);
        else
            g_ptr_array_add(words, word);
    }
    return words;
}

/* GOption moves words, so that it gets a list of its own. */
static HfOptions *
parse_words(const GPtrArray *words, GError **error)
{
    g_autofree char **argv = g_new0(char *, words->len + 1);

    for (guint i = 0; i < words->len; i++)
        argv[i] = g_ptr_array_index(words, i);
    return hf_options_parse((int)words->len, argv, error);
}

void
fuzz_options(const char *bytes, size_t length)
{
    HfFuzzInput input = {bytes, length};
    g_autoptr(GPtrArray) words = take_words(&input);
    g_autoptr(GError) error = NULL;
    g_autoptr(HfOptions) options = parse_words(words, &error);

    g_assert_true((options == NULL) == (error != NULL));
    if (options == NULL)
        return;
    g_assert_true(hf_options_check(options, &error) == (error == NULL));
    if (error != NULL)
        return;
    g_assert_nonnull(options->container_id);
    g_assert_nonnull(options->container_pid_file);
    g_assert_nonnull(hf_options_get_session_id(options));
    g_assert_cmpint(options->log_line_max, >, 0);
    g_assert_cmpint(options->attach_max, >=, 0);
    g_assert_true(options->log_specs->len > 0 || options->process_dir != NULL);
    (void)hf_options_is_lossy(options, HF_LOG_DRIVER_JOURNALD);
    (void)hf_options_get_sync_key(options);
}

void
fuzz_process_file(const char *bytes, size_t length)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HfProcessFile) file = hf_process_file_parse(bytes, length, &error);

    if (file == NULL) {
        g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
        return;
    }
    g_autofree char *text = hf_process_file_to_json(file);
    g_autoptr(HfProcessFile) other = hf_process_file_parse(text, strlen(text), &error);
    g_assert_no_error(error);
    g_autofree char *again = hf_process_file_to_json(other);
    g_assert_cmpstr(again, ==, text);
    g_autofree char *converted = hf_shim_spec_convert(file->process);
    if (converted != NULL) {
        g_autoptr(JsonObject) object = hf_json_text_parse(converted, strlen(converted), &error);

        g_assert_no_error(error);
        g_assert_nonnull(object);
    }
}

/* Whatever process.json holds, the monitor's own options are those of the request. "monitorArgs"
 * are options by their purpose, so they are left out. */
void
fuzz_shim_argv(const char *bytes, size_t length)
{
    static const char *const restore_options[] = {"--tcp-established", NULL};
    g_autoptr(HfProcessFile) file = hf_process_file_parse(bytes, length, NULL);
    HfShimRequest request = {
        .monitor = "monitor",
        .container_id = "web",
        .bundle = "/bundle",
        .runtime = "/bin/sh",
        .process_dir = "/state/web/init",
        .spec = "/state/web/init/process.json",
        .restore_options = restore_options,
    };
    g_autoptr(GPtrArray) words = g_ptr_array_new();

    if (file == NULL)
        return;
    g_clear_pointer(&file->monitor_args, g_strfreev);
    file->monitor_args = g_new0(char *, 1);
    request.is_adopting = length % 2 == 1;
    g_auto(GStrv) argv = hf_shim_argv_new(&request, file);
    for (char **word = argv; *word != NULL; word++)
        g_ptr_array_add(words, *word);
    /* Paths that are no text of the locale are refused there. */
    g_autoptr(HfOptions) options = parse_words(words, NULL);
    if (options == NULL)
        return;
    g_assert_cmpstr(options->container_id, ==, "web");
    g_assert_cmpstr(options->bundle, ==, "/bundle");
    g_assert_cmpstr(options->runtime, ==, "/bin/sh");
    g_assert_cmpstr(options->process_dir, ==, "/state/web/init");
    g_assert_cmpstr(options->container_pid_file, ==, "/state/web/init/pid");
    g_assert_null(options->exit_dir);
    g_assert_null(options->sdnotify_socket);
    g_assert_true(options->is_exec == file->is_exec);
    if (!file->is_exec)
        g_assert_null(options->exec_process_spec);
}

/* Nothing that was escaped acts on a terminal. */
static void
check_escaped(const char *bytes, size_t length)
{
    g_autofree char *text = hf_text_escape(bytes, length);

    g_assert_true(g_utf8_validate(text, -1, NULL));
    for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);

        g_assert_true(c == '\n' || c == '\t' || !g_unichar_iscntrl(c));
        g_assert_cmpint(g_unichar_type(c), !=, G_UNICODE_FORMAT);
    }
}

void
fuzz_cli_text(const char *bytes, size_t length)
{
    HfFuzzInput input = {bytes, length};
    g_autoptr(GDateTime) now = g_date_time_new_from_unix_utc(1769860800);
    g_autofree char *text = hf_fuzz_take_text(&input);
    g_autoptr(GDateTime) time = hf_text_parse_time(text, now, NULL);
    gint64 size = 0;
    int number = hf_text_parse_signal(text, NULL);

    check_escaped(bytes, length);
    g_assert_cmpint(number, >=, -1);
    g_assert_cmpint(number, <=, 64);
    if (hf_text_parse_size(text, &size, NULL)) {
        g_autofree char *shown = hf_text_size((guint64)size);

        g_assert_cmpint(size, >=, -1);
        g_assert_true(g_ascii_isdigit(*shown) || g_str_equal(shown, "unlimited"));
    }
    if (time != NULL) {
        g_autofree char *age = hf_text_age(time, now);

        g_assert_nonnull(age);
    }
}
