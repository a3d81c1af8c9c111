/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* holdfast-seccomp-agent: answers the system calls that a container's seccomp filter hands over.
 *
 * Standard input is the listening socket, standard output a pipe to whoever started this. A line
 * "ready" on it says that the policy is read; each other line is a level and a message. */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/io.h"
#include "seccomp-agent/seccomp-agent.h"

#define POLICY_SIZE_MAX (256 * 1024)

typedef struct {
    char *container_id;
    char *policy;
    char *record;
    gboolean shows_version;
} Options;

static void
options_clear(Options *self)
{
    g_free(self->container_id);
    g_free(self->policy);
    g_free(self->record);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

static gboolean
parse(Options *o, int argc, char **argv, GError **error)
{
    const GOptionEntry entries[] = {
        {"id", 0, 0, G_OPTION_ARG_FILENAME, &o->container_id, "The container's id", "ID"},
        {"policy", 0, 0, G_OPTION_ARG_FILENAME, &o->policy, "What is answered", "FILE"},
        {"record", 0, 0, G_OPTION_ARG_FILENAME, &o->record, "Where calls are recorded", "FILE"},
        {"version", 0, 0, G_OPTION_ARG_NONE, &o->shows_version, "Print the version", NULL},
        {0},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- answer a container's system calls");

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, error))
        return FALSE;
    if (!o->shows_version && (o->container_id == NULL || o->record == NULL))
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "--id and --record are needed");
    return TRUE;
}

static gboolean
check_streams(GError **error)
{
    int is_listening = 0;
    socklen_t length = sizeof is_listening;

    if (getsockopt(STDIN_FILENO, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &length) < 0 ||
        is_listening == 0)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                        "standard input is no socket that listens");
    return hf_fd_set_nonblocking(STDIN_FILENO, true, error) &&
           hf_fd_set_nonblocking(STDOUT_FILENO, true, error);
}

static HfSeccompPolicy *
load_policy(const char *path, GError **error)
{
    g_autofree char *text = NULL;
    HfSeccompPolicy *policy;
    size_t length = 0;

    if (path == NULL)
        return hf_seccomp_policy_new();
    text = hf_io_read_file_at(AT_FDCWD, path, POLICY_SIZE_MAX, &length, error);
    if (text == NULL)
        return g_prefix_error(error, "seccomp policy: "), NULL;
    policy = hf_seccomp_policy_parse(text, length, error);
    if (policy == NULL)
        g_prefix_error(error, "seccomp policy '%s': ", path);
    return policy;
}

/* What does not fit into the pipe is lost: nobody reads it. */
static void
say_to_owner(HfDiagLevel level, const char *text, gpointer user_data)
{
    g_autofree char *line = g_strdup_printf("%s %s\n", hf_diag_level_to_string(level), text);

    (void)!write(STDOUT_FILENO, line, strlen(line));
}

static void
on_finished(gpointer user_data)
{
    g_main_loop_quit(user_data);
}

static gboolean
serve(const Options *options, GError **error)
{
    static const char ready[] = "ready\n";
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    HfSeccompAgentOptions how = {
        .container_id = options->container_id,
        .record_path = options->record,
        .socket_fd = STDIN_FILENO,
        .owner_fd = STDOUT_FILENO,
        .on_finished = on_finished,
        .user_data = loop,
    };
    g_autoptr(HfSeccompAgent) agent = NULL;
    HfSeccompPolicy *policy;

    if (!check_streams(error))
        return FALSE;
    policy = load_policy(options->policy, error);
    if (policy == NULL)
        return FALSE;
    agent = hf_seccomp_agent_new(NULL, &how, policy, error);
    if (agent == NULL)
        return FALSE;
    (void)!write(STDOUT_FILENO, ready, strlen(ready));
    g_main_loop_run(loop);
    return TRUE;
}

int
main(int argc, char **argv)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    g_auto(Options) options = {0};
    g_autoptr(GError) error = NULL;

    (void)sigaction(SIGPIPE, &ignore, NULL);
    (void)prctl(PR_SET_DUMPABLE, 0);
    if (!parse(&options, argc, argv, &error)) {
        fprintf(stderr, "holdfast-seccomp-agent: %s\n", error->message);
        return EXIT_FAILURE;
    }
    if (options.shows_version) {
        printf("holdfast-seccomp-agent " HF_VERSION "\n");
        return EXIT_SUCCESS;
    }
    hf_diag_init("holdfast-seccomp-agent", options.container_id, HF_DIAG_INFO, false);
    hf_diag_set_sink(say_to_owner, NULL);
    if (serve(&options, &error))
        return EXIT_SUCCESS;
    hf_diag(HF_DIAG_ERROR, "%s", error->message);
    return EXIT_FAILURE;
}
