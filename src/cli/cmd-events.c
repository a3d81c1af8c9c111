/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/json.h"
#include "cli/text.h"

static char *
format_time(const HfEvent *event, gboolean is_local)
{
    gint64 time_us = hf_event_get_time_us(event);
    g_autoptr(GDateTime) seconds = g_date_time_new_from_unix_utc(time_us / G_USEC_PER_SEC);
    g_autoptr(GDateTime) utc =
        seconds != NULL ? g_date_time_add(seconds, time_us % G_USEC_PER_SEC) : NULL;
    g_autoptr(GDateTime) local = utc != NULL ? g_date_time_to_local(utc) : NULL;

    if (local == NULL)
        return g_strdup("?");
    return is_local ? g_date_time_format(local, "%F %T.%f %:z") : g_date_time_format_iso8601(utc);
}

/* The name of the event's number, NULL if it has none. */
static const char *
name_number(const HfEvent *event)
{
    switch (hf_event_get_event_type(event)) {
    case HF_EVENT_CREATED:
    case HF_EVENT_STARTED:
        return "pid";
    case HF_EVENT_EXITED:
        return "exitStatus";
    case HF_EVENT_OOM:
        return "oomKills";
    case HF_EVENT_SECCOMP:
        return "count";
    case HF_EVENT_PAUSED:
    case HF_EVENT_RESUMED:
    case HF_EVENT_CHECKPOINTED:
    case HF_EVENT_DELETED:
        return NULL;
    }
    return NULL;
}

static void
print_json(const HfEvent *event)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    g_autofree char *time = format_time(event, FALSE);
    g_autofree char *line = NULL;
    const char *number = name_number(event);

    json_builder_begin_object(builder);
    hf_json_add_string(builder, "time", time);
    hf_json_add_string(builder, "type", hf_event_type_to_string(hf_event_get_event_type(event)));
    hf_json_add_string(builder, "id", hf_event_get_container_id(event));
    if (hf_event_get_process_id(event) != NULL)
        hf_json_add_string(builder, "process", hf_event_get_process_id(event));
    if (hf_event_get_syscall(event) != NULL)
        hf_json_add_string(builder, "syscall", hf_event_get_syscall(event));
    if (hf_event_get_action(event) != NULL)
        hf_json_add_string(builder, "action", hf_event_get_action(event));
    if (hf_event_get_pid(event) != 0)
        hf_json_add_int(builder, "pid", hf_event_get_pid(event));
    if (number != NULL)
        hf_json_add_int(builder, number, hf_event_get_number(event));
    if (hf_event_get_checkpoint(event) != NULL)
        hf_json_add_string(builder, "checkpoint", hf_event_get_checkpoint(event));
    json_builder_end_object(builder);
    line = hf_json_to_text(builder, FALSE);
    printf("%s\n", line);
}

static void
print_text(const HfEvent *event)
{
    g_autofree char *time = format_time(event, TRUE);
    g_autofree char *checkpoint = NULL;
    const char *number = name_number(event);

    printf("%s %-12s %s", time, hf_event_type_to_string(hf_event_get_event_type(event)),
           hf_event_get_container_id(event));
    if (hf_event_get_process_id(event) != NULL)
        printf(" %s", hf_event_get_process_id(event));
    if (hf_event_get_syscall(event) != NULL)
        printf(" syscall=%s", hf_event_get_syscall(event));
    if (hf_event_get_action(event) != NULL)
        printf(" action=%s", hf_event_get_action(event));
    if (hf_event_get_pid(event) != 0)
        printf(" pid=%u", hf_event_get_pid(event));
    if (number != NULL)
        printf(" %s=%" G_GINT64_FORMAT, number, hf_event_get_number(event));
    if (hf_event_get_checkpoint(event) != NULL) {
        checkpoint =
            hf_text_escape(hf_event_get_checkpoint(event), strlen(hf_event_get_checkpoint(event)));
        printf(" checkpoint=%s", g_strdelimit(checkpoint, "\n\t", ' '));
    }
    putchar('\n');
}

/* FALSE when the reader of the output has gone. */
static gboolean
print_event(const HfCli *cli, const HfEvent *event)
{
    if (cli->format == HF_CLI_JSON)
        print_json(event);
    else
        print_text(event);
    return fflush(stdout) == 0;
}

typedef struct {
    const HfCli *cli;
    HfEvents *events;
    const char *const *ids; /* empty: of all containers */
    gint64 since_us;
    int signal_fd; /* -1: what there is, and no more */
} Follower;

static gboolean
is_wanted(const Follower *self, const HfEvent *event)
{
    return hf_event_get_time_us(event) >= self->since_us &&
           (self->ids[0] == NULL || g_strv_contains(self->ids, hf_event_get_container_id(event)));
}

/* A signal that came, or 0: there may be an event. */
static int
wait_for_event(const Follower *self)
{
    struct signalfd_siginfo info;
    struct pollfd polls[] = {
        {.fd = hf_events_get_fd(self->events), .events = POLLIN},
        {.fd = self->signal_fd, .events = POLLIN},
    };

    (void)poll(polls, G_N_ELEMENTS(polls), -1);
    return read(self->signal_fd, &info, sizeof info) == sizeof info ? (int)info.ssi_signo : 0;
}

/* Until a signal, which is returned, or an end, 0. -1 with @error set. */
static int
print_events(const Follower *self, GError **error)
{
    for (;;) {
        g_autoptr(GError) failure = NULL;
        g_autoptr(HfEvent) event = hf_events_try_next(self->events, &failure);
        int signal_number = 0;

        if (failure != NULL) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return -1;
        }
        if (event == NULL && self->signal_fd < 0)
            return 0;
        if (event == NULL)
            signal_number = wait_for_event(self);
        else if (is_wanted(self, event) && !print_event(self->cli, event))
            return 0;
        if (signal_number != 0)
            return signal_number;
    }
}

int
hf_cmd_events(HfCli *cli, int argc, char **argv, GError **error)
{
    gboolean is_following = FALSE;
    gboolean is_new_only = FALSE;
    g_autoptr(HfEvents) events = NULL;
    /* They are read, so that what was made in the root is removed before the program dies. */
    static const int ending[] = {SIGHUP, SIGINT, SIGTERM};
    int signal_fd = -1;
    sigset_t signals;
    gint64 started_us = g_get_real_time();
    const GOptionEntry entries[] = {
        {"follow", 'f', 0, G_OPTION_ARG_NONE, &is_following, "Go on with what happens", NULL},
        {"new", 0, 0, G_OPTION_ARG_NONE, &is_new_only, "Leave out what happened before", NULL},
        {0},
    };

    if (!hf_cli_parse_operands(cli, entries, "[ID...]", 0, -1, &argc, &argv, error))
        return -1;
    if (is_following) {
        signal_fd = hf_cli_open_signals(ending, G_N_ELEMENTS(ending), &signals, error);
        if (signal_fd < 0)
            return -1;
    }
    events = hf_events_new(cli->root, error);
    if (events == NULL)
        return -1;
    const Follower follower = {cli, events, (const char *const *)argv + 1,
                               is_new_only ? started_us : 0, signal_fd};
    int status = print_events(&follower, error);
    if (signal_fd >= 0)
        (void)close(signal_fd);
    if (status > 0) {
        g_clear_object(&events);
        (void)raise(status);
        (void)sigprocmask(SIG_UNBLOCK, &signals, NULL);
    }
    return status;
}
