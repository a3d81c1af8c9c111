/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/io.h"
#include "shim/shim-checkpoint.h"
#include "state/json-member.h"
#include "state/json-text.h"

#define CONFIG_MAX (1024 * 1024)

static gboolean
add_flags(JsonObject *config, GStrvBuilder *options, GError **error)
{
    static const struct {
        const char *key;
        const char *option;
    } flags[] = {
        {"shell", "--shell-job"},
        {"tcp", "--tcp-established"},
        {"unixSockets", "--ext-unix-sk"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(flags); i++) {
        bool is_set = false;

        if (!hf_json_member_read_bool(config, "", flags[i].key, &is_set, error))
            return FALSE;
        if (is_set)
            g_strv_builder_add(options, flags[i].option);
    }
    return TRUE;
}

char **
hf_shim_checkpoint_parse(const char *text, gsize length, GError **error)
{
    g_autoptr(JsonObject) config = hf_json_text_parse(text, length, error);
    g_autoptr(GStrvBuilder) options = g_strv_builder_new();
    g_auto(GStrv) empty_namespaces = NULL;

    if (config == NULL || !add_flags(config, options, error) ||
        !hf_json_member_read_strings(config, "", "emptyNS", &empty_namespaces, error))
        return NULL;
    for (char **name = empty_namespaces; name != NULL && *name != NULL; name++) {
        g_autofree char *option = g_strconcat("--empty-ns=", *name, NULL);

        g_strv_builder_add(options, option);
    }
    return g_strv_builder_end(options);
}

/* CRIU's log and statistics of this restore. A checkpoint that may not be written to is restored
 * all the same, with the monitor's choice of place. */
static char *
make_work_path(const char *dir)
{
    g_autofree char *parent = g_build_filename(dir, "criu.work", NULL);
    struct timespec now = hf_clock_now();
    HfClockFormat format;
    size_t length = 0;

    if (mkdir(parent, 0700) < 0 && errno != EEXIST)
        return NULL;
    hf_clock_format_init(&format, true);
    return g_strdup_printf("%s/restore-%s", parent,
                           hf_clock_format_rfc3339(&format, &now, &length));
}

char **
hf_shim_checkpoint_load(const char *dir, GError **error)
{
    g_autofree char *path = g_build_filename(dir, "config.json", NULL);
    g_autoptr(GStrvBuilder) all = g_strv_builder_new();
    size_t length = 0;
    g_autofree char *text = hf_io_read_file_at(AT_FDCWD, path, CONFIG_MAX, &length, error);
    g_auto(GStrv) options = NULL;

    if (text != NULL)
        options = hf_shim_checkpoint_parse(text, length, error);
    if (options == NULL) {
        g_prefix_error(error, "checkpoint '%s': ", dir);
        return NULL;
    }
    g_strv_builder_addv(all, (const char **)options);
    g_autofree char *work_path = make_work_path(dir);
    if (work_path != NULL)
        g_strv_builder_add_many(all, "--work-path", work_path, NULL);
    return g_strv_builder_end(all);
}
