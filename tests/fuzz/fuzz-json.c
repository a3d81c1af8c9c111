/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The JSON files of a state directory and of runtimes. */

#include <fcntl.h>
#include <string.h>

#include "base/error.h"
#include "base/fd.h"
#include "fuzz.h"
#include "library/checkpoint-private.h"
#include "library/runtime-command.h"
#include "library/state-dir.h"
#include "runtime/pid-file.h"
#include "shim/shim-checkpoint.h"
#include "state/container-file.h"
#include "state/json-text.h"

/* What is printed of an object reads as the same object. */
void
fuzz_json_text(const char *bytes, size_t length)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonObject) object = hf_json_text_parse(bytes, length, &error);

    if (object == NULL) {
        g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
        return;
    }
    g_autofree char *text = hf_json_text_print(object);
    g_autoptr(JsonObject) other = hf_json_text_parse(text, strlen(text), &error);
    g_assert_no_error(error);
    g_autofree char *again = hf_json_text_print(other);
    g_assert_cmpstr(again, ==, text);
}

void
fuzz_container_file(const char *bytes, size_t length)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HfContainerFile) file = hf_container_file_parse(bytes, length, &error);

    if (file == NULL) {
        g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
        return;
    }
    g_autofree char *text = hf_container_file_to_json(file);
    g_autoptr(HfContainerFile) other = hf_container_file_parse(text, strlen(text), &error);
    g_assert_no_error(error);
    g_autofree char *again = hf_container_file_to_json(other);
    g_assert_cmpstr(again, ==, text);
}

void
fuzz_checkpoint_config(const char *bytes, size_t length)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GDateTime) when = g_date_time_new_from_unix_utc(1769860800);
    g_autoptr(HfCheckpoint) checkpoint = hf_checkpoint_parse(bytes, length, &error);

    if (checkpoint == NULL) {
        g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
        return;
    }
    /* Who loads one gives it the name of its place. */
    if (checkpoint->name == NULL)
        return;
    g_autofree char *text = hf_checkpoint_to_json(checkpoint, when);
    g_autoptr(HfCheckpoint) other = hf_checkpoint_parse(text, strlen(text), &error);
    g_assert_no_error(error);
    g_autofree char *again = hf_checkpoint_to_json(other, when);
    g_assert_cmpstr(again, ==, text);
}

/* Nothing but options of `restore` comes of a checkpoint's file. */
void
fuzz_shim_checkpoint(const char *bytes, size_t length)
{
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) options = hf_shim_checkpoint_parse(bytes, length, &error);

    if (options == NULL) {
        g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
        return;
    }
    for (char **option = options; *option != NULL; option++)
        g_assert_true(g_str_has_prefix(*option, "--"));
}

void
fuzz_runtime_log(const char *bytes, size_t length)
{
    g_autofree char *message = hf_runtime_command_find_error(bytes, length);

    if (message == NULL)
        return;
    g_assert_true(*message != '\0');
    g_assert_true(g_utf8_validate(message, -1, NULL));
}

static void
write_input(const char *name, const char *bytes, size_t length)
{
    g_autofree char *path = g_build_filename(hf_fuzz_get_dir(), name, NULL);

    hf_fuzz_write_file(path, bytes, length);
}

/* Files that hold a number: pid, exitStatus, an engine's pid file. */
void
fuzz_number_file(const char *bytes, size_t length)
{
    g_autofree char *path = g_build_filename(hf_fuzz_get_dir(), "number", NULL);
    hf_autofd dir_fd = open(hf_fuzz_get_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    guint64 number = 0;
    pid_t pid = 0;

    write_input("number", bytes, length);
    if (hf_state_read_number(dir_fd, "number", &number, NULL)) {
        g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, number);

        g_assert_nonnull(memmem(bytes, length, text, strlen(text)));
    }
    if (hf_pid_file_read(path, &pid, NULL)) {
        g_autofree char *text = g_strdup_printf("%d", (int)pid);

        g_assert_cmpint(pid, >, 0);
        g_assert_nonnull(memmem(bytes, length, text, strlen(text)));
    }
}
