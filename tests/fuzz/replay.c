/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Runs each target on the inputs of its corpus, for builds without libFuzzer: a test for each. The
 * corpora are in $HF_FUZZ_CORPORA/TARGET/, or files named on the command line behind --target=NAME
 * are run. */

#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "fuzz.h"

static void
swallow(HfDiagLevel level, const char *text, gpointer user_data)
{
}

static void
run_file(const HfFuzzTarget *target, const char *path)
{
    g_autofree char *text = NULL;
    gsize length = 0;

    g_assert_true(g_file_get_contents(path, &text, &length, NULL));
    /* A copy without a NUL behind it, so that a sanitizer sees what reads on. */
    g_autofree char *bytes = length > 0 ? g_malloc(length) : NULL;
    if (length > 0)
        memcpy(bytes, text, length);
    target->run(length > 0 ? bytes : "", length);
}

static void
run_corpus(gconstpointer data)
{
    const HfFuzzTarget *target = data;
    g_autofree char *path = g_build_filename(g_getenv("HF_FUZZ_CORPORA"), target->name, NULL);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;
    guint count = 0;

    g_assert_nonnull(dir);
    while ((name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *file = g_build_filename(path, name, NULL);

        run_file(target, file);
        count++;
    }
    g_assert_cmpuint(count, >, 0);
    target->run("", 0);
}

static int
run_named(const char *name, char **paths)
{
    const HfFuzzTarget *target = hf_fuzz_find_target(name);

    if (target == NULL) {
        fprintf(stderr, "there is no target '%s'\n", name);
        return 2;
    }
    for (; *paths != NULL; paths++)
        run_file(target, *paths);
    return 0;
}

int
main(int argc, char **argv)
{
    hf_diag_set_sink(swallow, NULL);
    if (argc > 1 && g_str_has_prefix(argv[1], "--target="))
        return run_named(strchr(argv[1], '=') + 1, argv + 2);
    g_test_init(&argc, &argv, NULL);
    for (const HfFuzzTarget *target = hf_fuzz_get_targets(); target->name != NULL; target++) {
        g_autofree char *path = g_strdup_printf("/fuzz/%s/corpus-is-harmless", target->name);

        g_test_add_data_func(path, target, run_corpus);
    }
    return g_test_run();
}
