/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <stdio.h>
#include <stdlib.h>

#include "base/diag.h"
#include "base/fd.h"
#include "monitor/monitor.h"
#include "monitor/options-check.h"
#include "version.h"

/* Engines parse the first line, and look for a conmon that is new enough. */
static void
print_version(void)
{
    printf("conmon version " HF_CONMON_VERSION "\ncommit: holdfast " HF_VERSION "\n");
}

static void
set_up_diag(const char *program, const HfOptions *options)
{
    g_autofree char *name = g_path_get_basename(program);
    HfDiagLevel level = HF_DIAG_WARNING;
    bool is_known = options->log_level == NULL || hf_diag_parse_level(options->log_level, &level);

    hf_diag_init(name, options->container_id, level, options->use_syslog);
    if (!is_known)
        hf_diag(HF_DIAG_WARNING, "--log-level %s is not known", options->log_level);
}

int
main(int argc, char **argv)
{
    /* While nothing else is open. */
    GArray *inherited_fds = hf_fd_list_open(3);
    g_autoptr(GError) error = NULL;
    g_autoptr(HfOptions) options = hf_options_parse(argc, argv, &error);
    g_autoptr(HfMonitor) monitor = NULL;

    if (options != NULL && options->shows_version) {
        print_version();
        return EXIT_SUCCESS;
    }
    if (options != NULL) {
        set_up_diag(argv[0], options);
        if (hf_options_check(options, &error))
            monitor = hf_monitor_new(options, inherited_fds, &error);
    }
    if (monitor == NULL) {
        hf_diag_take_error(HF_DIAG_ERROR, &error, "not started");
        return EXIT_FAILURE;
    }
    return hf_monitor_run(monitor);
}
