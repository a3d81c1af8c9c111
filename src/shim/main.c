/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/atomic-file.h"
#include "base/error.h"
#include "base/io.h"
#include "protocol/state-names.h"
#include "shim/shim-argv.h"
#include "shim/shim-checkpoint.h"
#include "shim/shim-find.h"
#include "shim/shim-log.h"
#include "shim/shim-spec.h"

/* How this works.
 *
 * The shim reads the process directory, which is its working directory, and becomes the monitor by
 * execve(2): its pid, its descriptors and its parent are the monitor's. Everything it says before
 * that is an error, and goes where whoever started it looks. */

#define PROCESS_FILE_MAX (16 * 1024 * 1024)
#define OCI_SPEC "process-oci.json"

/* What the command line says; all borrowed from argv. */
typedef struct {
    bool is_adopting;
    const char *container_id;
    const char *bundle;
    const char *runtime;
} Arguments;

static gboolean
parse_arguments(Arguments *out, int argc, char **argv, GError **error)
{
    out->is_adopting = argc > 1 && strcmp(argv[1], "--adopt") == 0;
    argv += out->is_adopting ? 2 : 1;
    argc -= out->is_adopting ? 2 : 1;
    if (argc != 3)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                        "usage: holdfast-shim [--adopt] ID BUNDLE RUNTIME, in the directory of "
                        "process.json");
    for (int i = 0; i < argc; i++) {
        if (*argv[i] == '\0')
            return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "argument %d is empty", i + 1);
    }
    /* The runtime would take it for an option. */
    if (argv[0][0] == '-' || strchr(argv[0], '/') != NULL)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "'%s' is no container id", argv[0]);
    out->container_id = argv[0];
    out->bundle = argv[1];
    out->runtime = argv[2];
    return TRUE;
}

static HfProcessFile *
load_process_file(GError **error)
{
    size_t length = 0;
    g_autofree char *text =
        hf_io_read_file_at(AT_FDCWD, HF_STATE_PROCESS, PROCESS_FILE_MAX, &length, error);
    HfProcessFile *file;

    if (text == NULL)
        return NULL;
    file = hf_process_file_parse(text, length, error);
    if (file == NULL)
        g_prefix_error(error, HF_STATE_PROCESS ": ");
    return file;
}

/* The file that the runtime is given for an exec. (transfer full) */
static char *
prepare_spec(const HfProcessFile *file, const char *process_dir, GError **error)
{
    g_autofree char *converted = hf_shim_spec_convert(file->process);

    if (converted == NULL)
        return g_build_filename(process_dir, HF_STATE_PROCESS, NULL);
    if (!hf_atomic_file_write_at(AT_FDCWD, OCI_SPEC, converted, strlen(converted), 0600, error))
        return NULL;
    return g_build_filename(process_dir, OCI_SPEC, NULL);
}

static char **
make_argv(const Arguments *arguments, GError **error)
{
    g_autoptr(HfProcessFile) file = load_process_file(error);
    g_autofree char *process_dir = g_get_current_dir();
    g_autofree char *bundle = g_canonicalize_filename(arguments->bundle, NULL);
    g_autofree char *runtime = NULL;
    g_autofree char *monitor = NULL;
    g_autofree char *spec = NULL;
    g_auto(GStrv) restore_options = NULL;

    if (file == NULL || (runtime = hf_shim_find_runtime(arguments->runtime, error)) == NULL ||
        (monitor = hf_shim_find_monitor(error)) == NULL)
        return NULL;
    if (file->is_exec && (spec = prepare_spec(file, process_dir, error)) == NULL)
        return NULL;
    if (!file->is_exec && *file->checkpoint != '\0' &&
        (restore_options = hf_shim_checkpoint_load(file->checkpoint, error)) == NULL)
        return NULL;
    const HfShimRequest request = {
        .monitor = monitor,
        .container_id = arguments->container_id,
        .bundle = bundle,
        .runtime = runtime,
        .process_dir = process_dir,
        .spec = spec,
        .restore_options = (const char *const *)restore_options,
        .is_adopting = arguments->is_adopting,
    };
    return hf_shim_argv_new(&request, file);
}

/* Returns only if it fails. */
static gboolean
become_monitor(int argc, char **argv, GError **error)
{
    Arguments arguments = {0};
    g_auto(GStrv) monitor_argv = NULL;

    if (!parse_arguments(&arguments, argc, argv, error) || !hf_shim_log_make(error))
        return FALSE;
    monitor_argv = make_argv(&arguments, error);
    if (monitor_argv == NULL)
        return FALSE;
    /* Refused where whoever started us made us the leader of a group, which is as good. */
    (void)setsid();
    (void)execv(monitor_argv[0], monitor_argv);
    return hf_throw_errno(error, "execute '%s'", monitor_argv[0]);
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;

    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("holdfast-shim " HF_VERSION "\n");
        return EXIT_SUCCESS;
    }
    (void)become_monitor(argc, argv, &error);
    hf_shim_log_tell(error);
    return EXIT_FAILURE;
}
