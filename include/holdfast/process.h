/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#pragma once

#include <holdfast/attach.h>
#include <holdfast/log.h>
#include <holdfast/spec.h>
#include <holdfast/stdio.h>
#include <holdfast/types.h>

G_BEGIN_DECLS

/**
 * HfProcessState:
 * @HF_PROCESS_STATE_CREATING: its directory is there, but no pid: it is being started, or its
 *   starter died
 * @HF_PROCESS_STATE_RUNNING: it lives
 * @HF_PROCESS_STATE_STOPPED: it has ended
 *
 * What the files and the kernel tell of a process.
 */
typedef enum {
    HF_PROCESS_STATE_CREATING,
    HF_PROCESS_STATE_RUNNING,
    HF_PROCESS_STATE_STOPPED,
} HfProcessState;

/**
 * hf_process_state_to_string:
 *
 * Returns: "creating", "running" or "stopped"
 */
HF_PUBLIC
const char *hf_process_state_to_string(HfProcessState state);

#define HF_TYPE_PROCESS_STATE (hf_process_state_get_type())
HF_PUBLIC
GType hf_process_state_get_type(void);

/**
 * HfProcess:
 *
 * A process of a container: its first one, %HF_INIT_PROCESS_ID, or an exec.
 */
#define HF_TYPE_PROCESS (hf_process_get_type())
/**
 * hf_process_get_id:
 *
 * Returns: its name, which is unique in the container
 */
HF_PUBLIC
G_DECLARE_FINAL_TYPE(HfProcess, hf_process, HF, PROCESS, GObject)

HF_PUBLIC
const char *hf_process_get_id(HfProcess *self);

/**
 * hf_process_get_container:
 *
 * Returns: (transfer none):
 */
HF_PUBLIC
HfContainer *hf_process_get_container(HfProcess *self);

/**
 * hf_process_get_path:
 *
 * Returns: ROOT/ID/PROCESS
 */
HF_PUBLIC
const char *hf_process_get_path(HfProcess *self);

/**
 * hf_process_dup_spec:
 *
 * Returns: (transfer full): what it was made from
 */
HF_PUBLIC
HfProcessSpec *hf_process_dup_spec(HfProcess *self);

/**
 * hf_process_get_stdio:
 *
 * Returns: (transfer none): where its streams go
 */
HF_PUBLIC
HfStdio *hf_process_get_stdio(HfProcess *self);

/**
 * hf_process_get_io:
 *
 * Returns: (transfer none) (nullable): what a task's callback made
 */
HF_PUBLIC
HfIo *hf_process_get_io(HfProcess *self);

/**
 * hf_process_get_system_pid:
 *
 * Returns: the pid; 0 while there is none
 */
HF_PUBLIC
int hf_process_get_system_pid(HfProcess *self);

/**
 * hf_process_is_terminal_lost:
 *
 * Whether the process had a terminal that went with a monitor that died.
 */
HF_PUBLIC
gboolean hf_process_is_terminal_lost(HfProcess *self);

/**
 * hf_process_get_monitor_pid:
 *
 * Returns: the pid of the monitor; 0 if none lives
 */
HF_PUBLIC
int hf_process_get_monitor_pid(HfProcess *self);

/**
 * hf_process_dup_monitor_version:
 *
 * Returns: (transfer full) (nullable): which version of Holdfast the monitor is, as "0.1.0"; %NULL
 *   if none lives or that is not known
 */
HF_PUBLIC
char *hf_process_dup_monitor_version(HfProcess *self) G_GNUC_WARN_UNUSED_RESULT;

/**
 * hf_process_upgrade_monitor:
 * @is_forced: also if the monitor is the installed program already
 * @out_is_upgraded: (out) (optional): %FALSE if it was, and nothing had to be done
 * @error: %HF_ERROR_FAILED with the monitor's reason if it goes on as it was;
 *   %HF_ERROR_CONTAINER_EXITED or %HF_ERROR_CONTAINER_NOT_STARTED without a process;
 *   %HF_ERROR_INVALID_STATE if the monitor died (see hf_container_adopt())
 *
 * Has the process's monitor become the program that is installed where its own was, and waits for
 * that. The process and whoever is attached notice nothing.
 */
HF_PUBLIC
gboolean hf_process_upgrade_monitor(HfProcess *self, gboolean is_forced, gboolean *out_is_upgraded,
                                    GCancellable *cancellable, GError **error);

/**
 * hf_process_upgrade_monitor_async:
 * @cancellable: (nullable): as for hf_process_upgrade_monitor()
 * @callback: (scope async): called in the thread-default main context, once it is done
 *
 * hf_process_upgrade_monitor() without waiting: hf_process_upgrade_monitor_finish() tells the
 * result.
 */
HF_PUBLIC
void hf_process_upgrade_monitor_async(HfProcess *self, gboolean is_forced,
                                      GCancellable *cancellable, GAsyncReadyCallback callback,
                                      gpointer user_data);

/**
 * hf_process_upgrade_monitor_finish:
 * @out_is_upgraded: (out) (optional): as for hf_process_upgrade_monitor()
 *
 * Returns: %FALSE if the monitor goes on as it was
 */
HF_PUBLIC
gboolean hf_process_upgrade_monitor_finish(HfProcess *self, GAsyncResult *result,
                                           gboolean *out_is_upgraded, GError **error);

/**
 * hf_process_get_state:
 *
 * Returns: what the files and the kernel tell, at this moment
 */
HF_PUBLIC
HfProcessState hf_process_get_state(HfProcess *self);

/**
 * hf_process_start:
 * @error: %HF_ERROR_CONTAINER_EXITED, %HF_ERROR_INVALID_STATE if it was started, or
 *   %HF_ERROR_RUNTIME_FAILED with the OCI runtime's message
 *
 * Lets a created container's first process run. An exec runs from its creation on: nothing is left
 * to do then.
 */
HF_PUBLIC
gboolean hf_process_start(HfProcess *self, GCancellable *cancellable, GError **error);

/**
 * hf_process_start_async:
 * @cancellable: (nullable): as for hf_process_start()
 * @callback: (scope async): called in the thread-default main context, once it is done
 *
 * hf_process_start() without waiting: hf_process_start_finish() tells the result.
 */
HF_PUBLIC
void hf_process_start_async(HfProcess *self, GCancellable *cancellable,
                            GAsyncReadyCallback callback, gpointer user_data);

/**
 * hf_process_start_finish:
 *
 * Returns: %FALSE if it does not run
 */
HF_PUBLIC
gboolean hf_process_start_finish(HfProcess *self, GAsyncResult *result, GError **error);

/**
 * hf_process_signal:
 * @signal_number: as of kill(2)
 * @error: %HF_ERROR_CONTAINER_EXITED if it has ended
 *
 * Sends a signal through a pidfd: a later process with the same pid is never met.
 */
HF_PUBLIC
gboolean hf_process_signal(HfProcess *self, int signal_number, GError **error);

/**
 * hf_process_close_stdin:
 *
 * The process reads end of file once it has read what was written so far.
 */
HF_PUBLIC
gboolean hf_process_close_stdin(HfProcess *self, GError **error);

/**
 * hf_process_resize:
 * @width: columns
 * @height: rows
 * @error: %HF_ERROR_INVALID_STATE without a terminal
 */
HF_PUBLIC
gboolean hf_process_resize(HfProcess *self, guint width, guint height, GError **error);

/**
 * hf_process_reopen_logs:
 *
 * Has the monitor open its log files anew, after somebody renamed them. Returns before it has.
 */
HF_PUBLIC
gboolean hf_process_reopen_logs(HfProcess *self, GError **error);

/**
 * hf_process_get_exit_fd:
 *
 * A descriptor for any main loop: it becomes readable or hung up when the process has ended and its
 * exit status is on disk. Nothing is to be read from it.
 *
 * Returns: borrowed; or -1
 */
HF_PUBLIC
int hf_process_get_exit_fd(HfProcess *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * hf_process_get_exit_status:
 * @out_status: (out): 0 to 255, as a shell tells it: 128 and more for a signal;
 *   %HF_EXIT_STATUS_UNKNOWN if nobody could learn it
 * @error: %HF_ERROR_PROCESS_NOT_EXITED while it runs
 */
HF_PUBLIC
gboolean hf_process_get_exit_status(HfProcess *self, int *out_status,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * hf_process_wait:
 * @cancellable: (nullable):
 * @out_status: (out): as of hf_process_get_exit_status()
 *
 * Waits for the end of the process; of any process, whoever started it.
 */
HF_PUBLIC
gboolean hf_process_wait(HfProcess *self, GCancellable *cancellable, int *out_status,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * hf_process_wait_async:
 * @cancellable: (nullable): as for hf_process_wait()
 * @callback: (scope async): called in the thread-default main context, once it is done
 *
 * hf_process_wait() without waiting: hf_process_wait_finish() tells the result. It costs no thread.
 */
HF_PUBLIC
void hf_process_wait_async(HfProcess *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                           gpointer user_data);

/**
 * hf_process_wait_finish:
 * @out_status: (out):
 */
HF_PUBLIC
gboolean hf_process_wait_finish(HfProcess *self, GAsyncResult *result, int *out_status,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * hf_process_count_oom_kills:
 *
 * Returns: how many of the container's processes the kernel's OOM killer took
 */
HF_PUBLIC
guint64 hf_process_count_oom_kills(HfProcess *self);

/**
 * hf_process_attach:
 * @input_fd: what is read from it goes to the process; -1: nothing. A terminal is made raw if the
 *   process has one; the end of anything else closes the process's standard input
 * @output_fd: borrowed, as the others, until the session has ended; -1: discarded
 * @error_fd: likewise; with a terminal nothing comes there
 * @detach_keys: (nullable): as Podman has them, "ctrl-p,ctrl-q"; %NULL: these; "": none
 * @error: %HF_ERROR_CONTAINER_EXITED if it has ended, and its monitor has no output of it left
 *
 * Joins descriptors of this program to the process's streams, in the thread-default main context.
 * The terminal's size is handed on, first at once.
 *
 * Returns: (transfer full): or %NULL
 */
HF_PUBLIC
HfAttachSession *hf_process_attach(HfProcess *self, int input_fd, int output_fd, int error_fd,
                                   const char *detach_keys,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * hf_process_dup_log_path:
 *
 * Returns: (transfer full) (nullable): the first log that can be read again, k8s-file or json-file
 */
HF_PUBLIC
char *hf_process_dup_log_path(HfProcess *self);

/**
 * hf_process_read_log:
 * @options: (nullable): %NULL: all, without following
 * @cancellable: (nullable): ends the reading
 * @on_entry: (scope call): gets each line
 * @error: %HF_ERROR_NOT_FOUND if it has no log that can be read
 *
 * Reads the log, with its rotated files. Following ends when the process has ended and all was
 * read. Lines that are no records are skipped.
 */
HF_PUBLIC
gboolean hf_process_read_log(HfProcess *self, HfLogOptions *options, GCancellable *cancellable,
                             HfLogFunc on_entry, gpointer user_data, GError **error);

G_END_DECLS
