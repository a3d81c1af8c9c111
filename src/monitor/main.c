/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/fd.h"
#include "monitor/adoption-dir.h"
#include "monitor/monitor.h"
#include "monitor/options-check.h"
#include "monitor/process-dir.h"
#include "monitor/upgrade-start.h"
#include "sandbox/denials.h"
#include "sandbox/probe.h"
#include "version.h"

#define PROCESS_DIR_OPTION "--process-dir"

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

/* Of options that cannot be parsed: whoever made the process directory looks there for the reason.
 * NULL if there is none, or if it is another monitor's. */
static HfProcessDir *
find_process_dir(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = argv[i] + strlen(PROCESS_DIR_OPTION);
        g_autoptr(HfProcessDir) dir = NULL;

        if (!g_str_has_prefix(argv[i], PROCESS_DIR_OPTION))
            continue;
        if (*value == '=')
            dir = hf_process_dir_new(value + 1, NULL);
        else if (*value == '\0' && i + 1 < argc)
            dir = hf_process_dir_new(argv[i + 1], NULL);
        if (dir != NULL && hf_process_dir_check_unused(dir, NULL) &&
            hf_process_dir_take_messages(dir, NULL))
            return g_steal_pointer(&dir);
    }
    return NULL;
}

/* How many logs are open, for --check-state. */
static guint
count_sinks(const HfOptions *options)
{
    guint count = 0;

    for (guint i = 0; i < options->log_specs->len; i++) {
        HfLogDriver driver = g_array_index(options->log_specs, HfLogSpec, i).driver;

        if (driver != HF_LOG_DRIVER_NONE && driver != HF_LOG_DRIVER_PASSTHROUGH)
            count++;
    }
    return count;
}

/* Another program asks whether this one could go on for it. */
static int
answer_check(const HfUpgradeStart *start, HfOptions *options, GError *parse_error)
{
    g_autoptr(GError) error = parse_error;

    if (options != NULL && hf_options_check(options, &error) &&
        hf_upgrade_start_check(start->check_fd, count_sinks(options), &error))
        return EXIT_SUCCESS;
    fprintf(stderr, "%s\n", error->message);
    return EXIT_FAILURE;
}

static int
go_on(const HfUpgradeStart *start, HfOptions *options, char *const *argv, GError *parse_error)
{
    g_autoptr(GError) error = parse_error;
    g_autoptr(HfMonitor) monitor = NULL;

    if (start->error == NULL && error == NULL && hf_probe_wants_failure())
        (void)!hf_throw(&error, HF_ERROR_FAILED, "a test wants it so");
    else if (options != NULL && hf_options_check(options, &error))
        monitor = hf_monitor_resume(options, start, argv, &error);
    if (monitor == NULL) {
        hf_upgrade_start_fall_back(start, argv, error->message);
        hf_diag_take_error(HF_DIAG_ERROR, &error, "cannot go on");
        return EXIT_FAILURE;
    }
    if (start->error != NULL)
        hf_diag(HF_DIAG_ERROR, "no upgrade: the new program could not go on: %s", start->error);
    else
        hf_diag(HF_DIAG_INFO, "upgraded to " HF_VERSION);
    hf_monitor_note_upgrade(monitor, start->error);
    return hf_monitor_run(monitor);
}

static HfMonitor *
make_monitor(HfOptions *options, GArray *inherited_fds, GError **error)
{
    /* With a process directory that comes once the directory is ours: what is wrong is told there.
     */
    if (options->process_dir == NULL && !hf_options_check(options, error))
        return NULL;
    return hf_monitor_new(options, inherited_fds, error);
}

/* As it is started by an engine. */
static int
run(HfOptions *options, char *const *argv, GArray *inherited_fds)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HfMonitor) monitor = NULL;

    if (options->adopt_dir != NULL && options->container_id == NULL) {
        if (hf_adoption_dir_execute(options->adopt_dir, &error))
            return EXIT_SUCCESS;
        hf_diag_init("holdfast-monitor", NULL, HF_DIAG_WARNING, false);
        hf_diag_take_error(HF_DIAG_ERROR, &error, "not adopted");
        return EXIT_FAILURE;
    }
    set_up_diag(argv[0], options);
    monitor = make_monitor(options, inherited_fds, &error);
    if (monitor == NULL) {
        hf_diag_take_error(HF_DIAG_ERROR, &error, "not started");
        return EXIT_FAILURE;
    }
    hf_monitor_make_upgradable(monitor, NULL, argv);
    return hf_monitor_run(monitor);
}

static bool
is_upgrade(const HfUpgradeStart *start)
{
    return start->check_fd >= 0 || start->resume_fd >= 0;
}

int
main(int argc, char **argv)
{
    HfUpgradeStart start;
    GError *error = NULL;

    hf_upgrade_start_take(&start, &argc, argv);
    /* The sandbox of the program before is there already, and ends who calls what it denies. */
    if (is_upgrade(&start))
        (void)!hf_denials_handle(NULL);
    /* While nothing else is open. */
    GArray *inherited_fds = is_upgrade(&start) ? NULL : hf_fd_list_open(3);
    /* Parsing takes what it knows out of the array. */
    g_autofree char **all_argv = g_memdup2(argv, sizeof *argv * ((size_t)argc + 1));
    g_autoptr(HfOptions) options = hf_options_parse(argc, argv, &error);
    g_autoptr(HfProcessDir) failed_dir = NULL;

    if (start.check_fd >= 0)
        return answer_check(&start, options, error);
    if (options != NULL && start.resume_fd >= 0)
        set_up_diag(all_argv[0], options);
    if (start.resume_fd >= 0)
        return go_on(&start, options, all_argv, error);
    if (options != NULL && options->shows_version) {
        print_version();
        return EXIT_SUCCESS;
    }
    if (options != NULL)
        return run(options, all_argv, inherited_fds);
    failed_dir = find_process_dir(argc, argv);
    hf_diag_take_error(HF_DIAG_ERROR, &error, "not started");
    return EXIT_FAILURE;
}
