/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works
 *
 * attach-client [--terminal] [--detach-keys KEYS] [--control FIFO] [--report FILE] SOCKET
 *
 * Joins its standard streams to a container's. Its exit status says how it ended: 0 the connection
 * ended, 10 detached, 1 failed (and why on stderr). Sizes go to the control FIFO as lines. A line
 * for each thing that happened goes to the report.
 *
 * Signals are read from a signalfd, so that the terminal's modes are put back in the main loop
 * before the program ends by the signal that was sent. */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <glib.h>

#include "attach/attach-client.h"
#include "base/fd.h"
#include "base/source.h"

#define STATUS_DETACHED 10

typedef struct {
    GMainLoop *loop;
    HfAttachClient *client;
    GSource *signals;
    const char *control_path;
    const char *report_path;
    int fatal_signal;
    int status;
} Program;

static void
append_line(const char *path, int flags, const char *line)
{
    hf_autofd fd = path != NULL ? open(path, O_WRONLY | O_CLOEXEC | flags, 0600) : -1;

    if (fd >= 0 && write(fd, line, strlen(line)) < 0)
        perror(path);
}

static void
report(const Program *self, const char *line)
{
    append_line(self->report_path, O_CREAT | O_APPEND, line);
}

static void
on_connected(gpointer user_data)
{
    report(user_data, "connected\n");
}

static void
on_size(unsigned short rows, unsigned short columns, gpointer user_data)
{
    const Program *self = user_data;
    g_autofree char *line = g_strdup_printf("1 %d %d\n", rows, columns);

    append_line(self->control_path, O_NONBLOCK, line);
}

static void
on_finished(HfAttachEnd end, const GError *error, gpointer user_data)
{
    Program *self = user_data;
    g_autofree char *line = g_strdup_printf("%s\n", hf_attach_end_to_string(end));

    report(self, line);
    if (error != NULL)
        g_printerr("attach-client: %s\n", error->message);
    if (end != HF_ATTACH_ENDED)
        self->status = end == HF_ATTACH_DETACHED ? STATUS_DETACHED : 1;
    g_main_loop_quit(self->loop);
}

static gboolean
on_signal(int fd, GIOCondition condition, gpointer user_data)
{
    Program *self = user_data;
    struct signalfd_siginfo info;

    if (read(fd, &info, sizeof info) != sizeof info)
        return G_SOURCE_CONTINUE;
    if (info.ssi_signo == SIGWINCH) {
        hf_attach_client_update_size(self->client);
    } else if (info.ssi_signo == SIGCONT) {
        hf_attach_client_resume(self->client);
    } else {
        self->fatal_signal = (int)info.ssi_signo;
        g_main_loop_quit(self->loop);
    }
    return G_SOURCE_CONTINUE;
}

/* Blocks the signals and returns a descriptor to read them from. */
static int
take_signals(sigset_t *out_mask)
{
    static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGWINCH, SIGCONT};
    const struct sigaction ignore = {.sa_handler = SIG_IGN};

    sigemptyset(out_mask);
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
        sigaddset(out_mask, signals[i]);
    (void)sigaction(SIGPIPE, &ignore, NULL);
    (void)sigprocmask(SIG_BLOCK, out_mask, NULL);
    return signalfd(-1, out_mask, SFD_CLOEXEC | SFD_NONBLOCK);
}

static gboolean
parse(int argc, char **argv, Program *self, HfAttachClientOptions *options)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--terminal") == 0)
            options->has_terminal = true;
        else if (strcmp(argv[i], "--detach-keys") == 0 && i + 1 < argc)
            options->detach_keys = argv[++i];
        else if (strcmp(argv[i], "--control") == 0 && i + 1 < argc)
            self->control_path = argv[++i];
        else if (strcmp(argv[i], "--report") == 0 && i + 1 < argc)
            self->report_path = argv[++i];
        else
            options->socket_path = argv[i];
    }
    return options->socket_path != NULL;
}

static void
end_by_signal(int signal_number, const sigset_t *mask)
{
    const struct sigaction fatal = {.sa_handler = SIG_DFL};

    (void)sigaction(signal_number, &fatal, NULL);
    (void)raise(signal_number);
    (void)sigprocmask(SIG_UNBLOCK, mask, NULL);
}

int
main(int argc, char **argv)
{
    static const HfAttachClientHandlers handlers = {on_connected, on_size, on_finished};
    HfAttachClientOptions options = {.input_fd = 0, .output_fds = {1, 2}};
    Program program = {.status = 0};
    g_autoptr(GError) error = NULL;
    sigset_t mask;
    hf_autofd signal_fd = take_signals(&mask);

    if (!parse(argc, argv, &program, &options)) {
        g_printerr("usage: attach-client [OPTION]... SOCKET\n");
        return 2;
    }
    program.loop = g_main_loop_new(NULL, FALSE);
    program.signals = hf_source_watch_fd(NULL, signal_fd, G_IO_IN, HF_PRIORITY_CONTROL, "signals",
                                         on_signal, &program);
    program.client = hf_attach_client_new(NULL, &options, &handlers, &program, &error);
    if (program.client != NULL) {
        g_main_loop_run(program.loop);
    } else {
        g_printerr("attach-client: %s\n", error->message);
        program.status = 1;
    }
    hf_attach_client_free(program.client);
    hf_source_clear(&program.signals);
    g_main_loop_unref(program.loop);
    if (program.fatal_signal != 0)
        end_by_signal(program.fatal_signal, &mask);
    return program.status;
}
