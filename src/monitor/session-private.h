/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The session's struct, shared by its files: session.c (life), session-setup.c (endpoints on disk),
 * session-process-dir.c (the same in a process directory), session-runtime.c (the OCI runtime's
 * run), session-sandbox.c (what it gives up once the process runs), session-streams.c (who gets
 * which bytes), session-stderr.c (stderr while the runtime runs), session-stdio.c (clients' FIFOs),
 * session-end.c (the way out), session-hold.c (output that waits), session-seccomp.c (the agent of
 * its filter), session-adopt.c (what a later monitor needs, and that one). */

#pragma once

#include "attach/attach-server.h"
#include "attach/control-fifo.h"
#include "attach/fifo-reader.h"
#include "attach/fifo-writer.h"
#include "attach/notify-relay.h"
#include "attach/stdin-pump.h"
#include "base/diag.h"
#include "base/process-ref.h"
#include "cgroup/oom-watch.h"
#include "logging/log-router.h"
#include "monitor/error-text.h"
#include "monitor/exit-report.h"
#include "monitor/log-compressor.h"
#include "monitor/seccomp-child.h"
#include "monitor/session-state.h"
#include "monitor/session.h"
#include "monitor/stdio-pump.h"
#include "protocol/streams-file.h"
#include "runtime/console-socket.h"
#include "sandbox/sandbox.h"

/* Descriptor 0, 1 or 2 of the runtime, and so of the container. */
typedef struct {
    int fds[3]; /* the container's ends, owned until the runtime has them; or HF_SPAWN_* */
} HfContainerStdio;

/* Where a stream goes with --stdout-path and --stderr-path. */
typedef struct {
    HfSession *session; /* borrowed */
    HfStream stream;
    const char *path;     /* borrowed */
    HfFifoWriter *writer; /* NULL: nowhere */
    int held_fd;          /* the stream's descriptor a second time, for holding it up; or -1 */
    bool is_held;         /* the pump does not have the stream: the writer takes no more */
    bool is_finished;
} HfStdioOutput;

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
    HfControlFifo *control; /* of a process directory, in place of these two */
    HfNotifyRelay *notify;
    HfConsoleSocket *console_socket;
    bool has_told_attach;

    /* for a later monitor: session-adopt.c */
    HfStreamsFile streams;
    bool has_left_adoption_dir;

    /* streams: session-streams.c */
    HfLogRouter *log;
    HfCrashJournal *journal;         /* NULL without --adoptable */
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

    /* output that waits for the first client: session-hold.c */
    bool is_output_held;
    bool is_drain_held; /* the process has ended meanwhile */
    int held_output_fd; /* stdout's, not yet the pump's; or -1 */
    GSource *hold_source;

    /* clients' FIFOs: session-stdio.c */
    HfStdioOutput outputs[HF_STREAM_COUNT];
    HfFifoReader *stdin_reader; /* NULL: none, or ended */
    bool is_stdin_closing;      /* by `control`, whatever --leave-stdin-open says */

    /* the run of the OCI runtime: session-runtime.c */
    GSource *start_source;   /* the second start byte of --exec-attach */
    HfSeccompChild *seccomp; /* NULL without --seccomp-notify-socket */
    char *seccomp_record;
    void (*after_seccomp)(HfSession *self);
    pid_t runtime_pid; /* 0 when it does not run */
    bool has_run_runtime;
    HfErrorText *runtime_errors;
    GError *failure;

    HfSandbox *sandbox; /* session-sandbox.c; NULL before the process runs, and with `off` */

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
    size_t log_left;     /* what waited at the last look */
    gint64 log_moved_us; /* when it became less; 0: never */
    bool is_log_left;    /* the log goes on after the exit files */
    bool is_log_synced;
    bool are_clients_gone;
    GSource *exit_delay_source;
    bool is_exit_command_skipped;
    bool is_exit_command_over;
    bool has_report_failed; /* an exit file could not be written */
};

/* session.c: one that has nothing open yet. */
HfSession *hf_session_make(const HfOptions *options, const HfSessionOwner *owner);

/* session.c: performs what the table says @event leads to. */
void hf_session_dispatch(HfSession *self, HfEvent event);

/* Ends the session in failure: @error (taken) is told and kept. */
void hf_session_take_failure(HfSession *self, GError *error);

/* The engine is told the pid. */
void hf_session_tell_pid(HfSession *self);

/* For hf_reaper_watch() and the OOM watch. */
void hf_session_on_process_exited(pid_t pid, int wait_status, bool is_known, gpointer user_data);
void hf_session_on_oom(guint64 kills, gpointer user_data);

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

HfAttachLimits hf_session_get_attach_limits(const HfSession *self);
/* For HfControlFifo. */
void hf_session_on_ctl_line(const char *line, gpointer user_data);
void hf_session_on_winsz_line(const char *line, gpointer user_data);
void hf_session_on_control_line(const char *line, gpointer user_data);

/* What a line of `ctl` or `control` asks for. */
void hf_session_perform(HfSession *self, const HfControlCommand *command);
/* A line that means nothing is told of, as far as the limit goes, and ignored. */
void hf_session_complain(HfSession *self, const char *fifo, const char *reason);
gboolean hf_session_make_attach_server(HfSession *self, int dir_fd,
                                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* session-process-dir.c; all but the first do nothing without a process directory */
gboolean hf_session_make_process_endpoints(HfSession *self,
                                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
void hf_session_note_process(HfSession *self);
void hf_session_note_oom(HfSession *self, guint64 kills);
void hf_session_note_exit(HfSession *self, int status);
/* @printed: what the runtime said. */
void hf_session_note_failure(HfSession *self, const char *printed);

/* session-stdio.c */
gboolean hf_session_open_stdio(HfSession *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool hf_session_has_stdio(const HfSession *self);
void hf_session_write_stdio(HfSession *self, HfStream stream, const char *bytes, size_t length);
/* @fd: what the pump is given, borrowed. */
void hf_session_prepare_hold(HfSession *self, HfStream stream, int fd);
/* Gives the pump back what a writer held up; it is drained whatever the writers take. */
void hf_session_release_streams(HfSession *self);
void hf_session_finish_stdio(HfSession *self);
bool hf_session_is_stdio_finished(const HfSession *self);
void hf_session_close_stdio(HfSession *self);
extern const HfFifoWriterHandlers hf_session_writer_handlers;
extern const HfFifoReaderHandlers hf_session_reader_handlers;
void hf_session_set_stdin_paused(HfSession *self, bool is_paused);
/* What was written to stdin before is delivered first. */
void hf_session_close_stdin(HfSession *self);

/* session-adopt.c; all but the last do nothing without --adoptable */
/* The container's ends of its pipes are there and nobody has them yet. */
void hf_session_note_streams(HfSession *self);
void hf_session_write_streams(HfSession *self);
/* Before anybody is told the pid. */
void hf_session_note_adoptable_process(HfSession *self);
void hf_session_note_watch(HfSession *self);
void hf_session_note_ending(HfSession *self);
/* All is told: nobody need adopt. */
void hf_session_leave_adoption_dir(HfSession *self);
void hf_session_watch_adopted(HfSession *self);

/* session-hold.c */
/* What is left of the time of a hold that was begun. */
void hf_session_resume_hold(HfSession *self, guint left_ms);
/* stdout or the terminal, for the pump once output is not held. @take_fd is owned. */
void hf_session_take_output(HfSession *self, int take_fd, bool is_terminal);
/* The process is known: the time of the hold begins. */
void hf_session_limit_hold(HfSession *self);
/* A client is there, or nobody is waited for any more. Harmless if nothing is held. */
void hf_session_end_hold(HfSession *self);

/* session-runtime.c */
void hf_session_run_runtime(HfSession *self);

/* session-seccomp.c: holdfast-seccomp-agent answers before the runtime runs. @run is called when it
 * does; else the session fails. */
void hf_session_start_seccomp(HfSession *self, void (*run)(HfSession *self));
void hf_session_save_seccomp(const HfSession *self, HfStateWriter *writer);
void hf_session_restore_seccomp(HfSession *self, HfStateReader *reader);

/* session-streams.c */
/* @saved: NULL, or what a router saved. */
gboolean hf_session_open_logs(HfSession *self, HfStateReader *saved,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean hf_session_make_streams(HfSession *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Of an adopter: reads @fds (owned, -1 for none) and the terminal, if there is one. */
gboolean hf_session_adopt_streams(HfSession *self, const int fds[HF_STREAM_COUNT],
                                  int take_terminal_fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void hf_session_close_container_stdio(HfSession *self);
void hf_session_take_terminal(HfSession *self, int take_fd);
void hf_session_resize(HfSession *self, unsigned short rows, unsigned short columns);
/* What was read of @stream, and stands in the journal if there is one, to the log, attach clients
 * and FIFOs. */
void hf_session_hand_on_read(HfSession *self, HfStream stream, const char *bytes, size_t length);
/* The log is given half lines. */
void hf_session_flush_partial(HfSession *self);
void hf_session_update_pause(HfSession *self);
void hf_session_on_log_rotated(const char *path, gpointer user_data);
extern const HfAttachHandlers hf_session_attach_handlers;
extern const HfStdioHandlers hf_session_stdio_handlers;
extern const HfStdinHandlers hf_session_stdin_handlers;
#define HF_SESSION_STDIN_LIMIT (64 * 1024)

/* session-stderr.c */
/* What was read of stderr while the runtime runs: it waits. */
void hf_session_hold_stderr(HfSession *self, const char *bytes, size_t length);
/* The runtime is done: its stderr is the container's from here on. */
void hf_session_release_stderr(HfSession *self);
void hf_session_hand_on_stderr(HfSession *self);

/* session-sandbox.c */
/* The process runs: what is not needed from here on is given up. Once more after an upgrade, for
 * what the kernel did not keep. */
void hf_session_confine(HfSession *self);
void hf_session_save_sandbox(const HfSession *self, HfStateWriter *writer);
void hf_session_restore_sandbox(HfSession *self, HfStateReader *reader);

/* session-end.c */
void hf_session_drain(HfSession *self);
void hf_session_begin_drain(HfSession *self);
void hf_session_flush(HfSession *self);
void hf_session_tell_failure(HfSession *self);
void hf_session_tell_exit(HfSession *self);
void hf_session_schedule_exit_command(HfSession *self);
void hf_session_skip_exit_delay(HfSession *self);
void hf_session_on_clients_gone(HfSession *self);
void hf_session_on_stdio_finished(HfSession *self);
