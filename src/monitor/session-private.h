/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The session's struct, shared by its files: session.c (life), session-setup.c (endpoints on disk),
 * session-runtime.c (the OCI runtime's run), session-streams.c (who gets which bytes),
 * session-end.c (the way out). */

#pragma once

#include "attach/attach-server.h"
#include "attach/control-fifo.h"
#include "attach/notify-relay.h"
#include "attach/stdin-pump.h"
#include "base/diag.h"
#include "base/process-ref.h"
#include "cgroup/oom-watch.h"
#include "logging/log-router.h"
#include "monitor/error-text.h"
#include "monitor/exit-report.h"
#include "monitor/log-compressor.h"
#include "monitor/session-state.h"
#include "monitor/session.h"
#include "monitor/stdio-pump.h"
#include "runtime/console-socket.h"

/* Descriptor 0, 1 or 2 of the runtime, and so of the container. */
typedef struct {
    int fds[3]; /* the container's ends, owned until the runtime has them; or HF_SPAWN_* */
} HfContainerStdio;

struct HfSession {
    const HfOptions *options;
    const HfSessionOwner *owner;
    HfExitPlaces places; /* its strings belong to the options */
    HfState state;
    bool is_passthrough;

    /* endpoints: session-setup.c */
    int bundle_fd;     /* O_PATH; -1 for an exec without a bundle */
    char *socket_link; /* the symbolic link in --socket-dir-path, NULL if none was made */
    HfAttachServer *attach;
    HfControlFifo *ctl;
    HfControlFifo *winsz;
    HfNotifyRelay *notify;
    HfConsoleSocket *console_socket;
    bool has_told_attach;

    /* streams: session-streams.c */
    HfLogRouter *log;
    HfLogCompressor *log_compressor; /* NULL until a log has rotated, and without --log-compress */
    HfStdioPump *pump;               /* NULL with passthrough */
    HfStdinPump *stdin_pump;         /* NULL if the container has no stdin */
    HfContainerStdio container_stdio;
    int terminal_fd;      /* the pty's main side */
    int terminal_peer_fd; /* its other side, held so that it is never without a holder */
    bool has_size;        /* a size came; kept for a terminal that is not there yet */
    unsigned short rows;
    unsigned short columns;
    GString *held_stderr; /* what came while the runtime ran; NULL with a terminal, and once it
                             is handed on */
    HfDiagLimit diag_limit;

    /* the run of the OCI runtime: session-runtime.c */
    GSource *start_source; /* the second start byte of --exec-attach */
    pid_t runtime_pid;     /* 0 when it does not run */
    HfErrorText *runtime_errors;
    GError *failure;

    /* the process */
    pid_t pid; /* 0 until known */
    HfProcessRef *process;
    HfOomWatch *oom_watch;
    GSource *deadline_source;
    int last_signal;
    int exit_status;
    bool has_timed_out;

    /* the way out: session-end.c */
    GSource *log_look_source;
    bool is_log_synced;
    bool are_clients_gone;
    GSource *exit_delay_source;
    bool is_exit_command_over;
    bool has_report_failed; /* an exit file could not be written */
};

/* session.c: performs what the table says @event leads to. */
void hf_session_dispatch(HfSession *self, HfEvent event);

/* Ends the session in failure: @error (taken) is told and kept. */
void hf_session_take_failure(HfSession *self, GError *error);

/* (Re)arms the one deadline of the state; 0: none. */
void hf_session_set_deadline(HfSession *self, guint delay_ms);

/* session-setup.c */
gboolean hf_session_open_bundle(HfSession *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean hf_session_make_endpoints(HfSession *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Closes the FIFOs, the console socket and the notify socket, and removes the link. */
void hf_session_close_endpoints(HfSession *self);
/* Removes the attach socket from the bundle: nobody new can come. */
void hf_session_unlink_attach(HfSession *self);
/* Removes what make_endpoints() made and engines would remove after a container that ran. */
void hf_session_unlink_fifos(HfSession *self);

/* session-runtime.c */
void hf_session_run_runtime(HfSession *self);

/* session-streams.c */
gboolean hf_session_open_logs(HfSession *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean hf_session_make_streams(HfSession *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void hf_session_close_container_stdio(HfSession *self);
void hf_session_take_terminal(HfSession *self, int take_fd);
void hf_session_resize(HfSession *self, unsigned short rows, unsigned short columns);
/* The runtime is done: its stderr is the container's from here on. */
void hf_session_release_stderr(HfSession *self);
void hf_session_update_pause(HfSession *self);
extern const HfAttachHandlers hf_session_attach_handlers;

/* session-end.c */
void hf_session_drain(HfSession *self);
void hf_session_flush(HfSession *self);
void hf_session_tell_failure(HfSession *self);
void hf_session_tell_exit(HfSession *self);
void hf_session_schedule_exit_command(HfSession *self);
void hf_session_skip_exit_delay(HfSession *self);
void hf_session_on_clients_gone(HfSession *self);
