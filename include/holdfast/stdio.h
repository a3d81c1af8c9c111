/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#pragma once

#include <holdfast/types.h>

G_BEGIN_DECLS

#define HF_TYPE_STDIO (hf_stdio_get_type())
HF_PUBLIC
G_DECLARE_FINAL_TYPE(HfStdio, hf_stdio, HF, STDIO, GObject)

/**
 * HfStdio:
 *
 * Where a process's streams go, besides the clients of its attach socket. It is written to
 * process.json when the process is made, and read from there when it is loaded.
 */

/**
 * HfStdio:stdin:
 *
 * A FIFO that the process's standard input comes from; may be %NULL.
 */

/**
 * HfStdio:stdout:
 *
 * A FIFO or file that its standard output goes to; may be %NULL.
 */

/**
 * HfStdio:stderr:
 *
 * The same for standard error; not with a terminal; may be %NULL.
 */

/**
 * HfStdio:logs:
 *
 * Log targets as holdfast-monitor's --log-path takes them, "DRIVER:PATH"; %NULL: "k8s-file:" with
 * the file "ctr.log" in the process's directory; empty: none.
 */

/**
 * HfStdio:log-size-max:
 *
 * Bytes after which a log file is rotated; 0: never.
 */

/**
 * HfStdio:log-max-files:
 *
 * How many rotated files are kept.
 */

/**
 * HfStdio:has-stdin:
 *
 * Clients of the attach socket may write to standard input, which stays open until one closes it.
 */

/**
 * HfStdio:leave-stdin-open:
 *
 * Not even then is it closed.
 */

/**
 * HfStdio:adoptable:
 *
 * Whether a monitor that dies can be replaced (hf_container_adopt()). %TRUE by default.
 */

/**
 * HfStdio:monitor-args:
 *
 * Further options for holdfast-monitor, each "--name=value"; may be %NULL.
 */

/**
 * hf_stdio_new:
 * @stdin_path: (nullable): empty or %NULL is /dev/null
 * @stdout_path: (nullable): likewise
 * @stderr_path: (nullable): likewise
 *
 * Returns: (transfer full): with the default log
 */
HF_PUBLIC
HfStdio *hf_stdio_new(const char *stdin_path, const char *stdout_path, const char *stderr_path);

/**
 * hf_stdio_get_stdin:
 *
 * Returns: a path, "/dev/null" if there is none
 */
HF_PUBLIC
const char *hf_stdio_get_stdin(HfStdio *self);

/**
 * hf_stdio_get_stdout:
 *
 * Returns: a path, "/dev/null" if there is none
 */
HF_PUBLIC
const char *hf_stdio_get_stdout(HfStdio *self);

/**
 * hf_stdio_get_stderr:
 *
 * Returns: a path, "/dev/null" if there is none
 */
HF_PUBLIC
const char *hf_stdio_get_stderr(HfStdio *self);

/**
 * hf_stdio_get_logs:
 *
 * Returns: (transfer none) (nullable) (array zero-terminated=1): %NULL stands for the default
 */
HF_PUBLIC
const char *const *hf_stdio_get_logs(HfStdio *self);

/**
 * hf_stdio_set_logs:
 * @logs: (nullable) (array zero-terminated=1):
 */
HF_PUBLIC
void hf_stdio_set_logs(HfStdio *self, const char *const *logs);

/**
 * hf_stdio_get_has_stdin:
 *
 * Returns: whether clients of the attach socket may write to standard input
 */
HF_PUBLIC
gboolean hf_stdio_get_has_stdin(HfStdio *self);

/**
 * hf_stdio_set_has_stdin:
 * @has_stdin: see #HfStdio:has-stdin
 */
HF_PUBLIC
void hf_stdio_set_has_stdin(HfStdio *self, gboolean has_stdin);

/**
 * HfFifoSet:
 *
 * The FIFOs of a process's streams.
 */
#define HF_TYPE_FIFO_SET (hf_fifo_set_get_type())
HF_PUBLIC
G_DECLARE_FINAL_TYPE(HfFifoSet, hf_fifo_set, HF, FIFO_SET, GObject)

/**
 * hf_fifo_set_new:
 * @parent: (nullable): a directory; %NULL: the system's directory for run-time files
 * @process_id: names the FIFOs: PROCESS_ID-stdin and so on
 * @has_terminal: no FIFO for standard error then
 *
 * Makes a directory of mode 0700 below @parent and the FIFOs in it. They are removed by
 * hf_fifo_set_remove(), not with the object.
 *
 * Returns: (transfer full): or %NULL
 */
HF_PUBLIC
HfFifoSet *hf_fifo_set_new(const char *parent, const char *process_id, gboolean has_terminal,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * hf_fifo_set_new_for_stdio:
 * @stdio: of a process that was loaded
 *
 * The set of a process that exists already.
 *
 * Returns: (transfer full):
 */
HF_PUBLIC
HfFifoSet *hf_fifo_set_new_for_stdio(HfStdio *stdio, gboolean has_terminal);

/**
 * hf_fifo_set_dup_stdio:
 *
 * Returns: (transfer full): what to start a process with
 */
HF_PUBLIC
HfStdio *hf_fifo_set_dup_stdio(HfFifoSet *self);

/**
 * hf_fifo_set_get_has_terminal:
 *
 * Returns: whether standard error goes to standard output
 */
HF_PUBLIC
gboolean hf_fifo_set_get_has_terminal(HfFifoSet *self);

/**
 * hf_fifo_set_remove:
 *
 * Removes the FIFOs and the directory that hf_fifo_set_new() made. It may be called again.
 */
HF_PUBLIC
gboolean hf_fifo_set_remove(HfFifoSet *self, GError **error);

/**
 * HfIo:
 *
 * A copier between a process's FIFOs and descriptors of this program.
 */
#define HF_TYPE_IO (hf_io_get_type())
HF_PUBLIC
G_DECLARE_FINAL_TYPE(HfIo, hf_io, HF, IO, GObject)

/**
 * hf_io_new:
 * @fifos: the FIFOs of a process
 * @input_fd: borrowed until hf_io_wait() has returned; -1: standard input is closed at once
 * @output_fd: borrowed; -1: what comes is discarded
 * @error_fd: borrowed; -1: what comes is discarded
 *
 * Copies between descriptors of this program and a process's FIFOs, in a thread of its own. It
 * does not wait for the other side to open them.
 *
 * Returns: (transfer full): or %NULL
 */
HF_PUBLIC
HfIo *hf_io_new(HfFifoSet *fifos, int input_fd, int output_fd, int error_fd,
                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * hf_io_get_fifos:
 *
 * Returns: (transfer none):
 */
HF_PUBLIC
HfFifoSet *hf_io_get_fifos(HfIo *self);

/**
 * hf_io_close_input:
 *
 * Closes the process's standard input from this side. It does not wait: of what was read from the
 * input descriptor, the process gets what its FIFO has room for.
 */
HF_PUBLIC
void hf_io_close_input(HfIo *self);

/**
 * hf_io_wait:
 * @cancellable: (nullable):
 *
 * Waits until all that the process wrote has been copied: the other side has closed the FIFOs.
 */
HF_PUBLIC
gboolean hf_io_wait(HfIo *self, GCancellable *cancellable, GError **error);

/**
 * hf_io_cancel:
 *
 * Ends the copying; what is in the FIFOs stays there for the next one who opens them.
 */
HF_PUBLIC
void hf_io_cancel(HfIo *self);

/**
 * HfIoCreateFunc:
 * @process_id: the process that is about to be made
 * @has_terminal: whether it has a terminal
 *
 * Makes the streams of a task.
 *
 * Returns: (transfer full): or %NULL with @error set
 */
typedef HfIo *(*HfIoCreateFunc)(const char *process_id, gboolean has_terminal, gpointer user_data,
                                GError **error);

/**
 * HfIoAttachFunc:
 * @fifos: of the task that was loaded
 *
 * Joins the streams of a task that exists.
 *
 * Returns: (transfer full): or %NULL with @error set
 */
typedef HfIo *(*HfIoAttachFunc)(HfFifoSet *fifos, gpointer user_data, GError **error);

G_END_DECLS
