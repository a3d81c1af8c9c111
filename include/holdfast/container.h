/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#pragma once

#include <holdfast/checkpoint.h>
#include <holdfast/process.h>
#include <holdfast/resources.h>
#include <holdfast/spec.h>
#include <holdfast/stats.h>
#include <holdfast/stdio.h>
#include <holdfast/types.h>

G_BEGIN_DECLS

/**
 * HfContainerState:
 * @HF_CONTAINER_STATE_NEW: it was never started, or its start failed
 * @HF_CONTAINER_STATE_CREATED: its first process waits for hf_process_start()
 * @HF_CONTAINER_STATE_RUNNING: its first process lives
 * @HF_CONTAINER_STATE_PAUSED: and is frozen
 * @HF_CONTAINER_STATE_STOPPED: its first process has ended
 *
 * What the files and the kernel tell of a container.
 */
typedef enum {
    HF_CONTAINER_STATE_NEW,
    HF_CONTAINER_STATE_CREATED,
    HF_CONTAINER_STATE_RUNNING,
    HF_CONTAINER_STATE_PAUSED,
    HF_CONTAINER_STATE_STOPPED,
} HfContainerState;

/**
 * hf_container_state_to_string:
 *
 * Returns: "new", "created", "running", "paused" or "stopped"
 */
HF_PUBLIC
const char *hf_container_state_to_string(HfContainerState state);

#define HF_TYPE_CONTAINER_STATE (hf_container_state_get_type())
HF_PUBLIC
GType hf_container_state_get_type(void);

#define HF_TYPE_CONTAINER_OPTIONS (hf_container_options_get_type())
HF_PUBLIC
G_DECLARE_FINAL_TYPE(HfContainerOptions, hf_container_options, HF, CONTAINER_OPTIONS, GObject)

/**
 * HfContainerOptions:
 *
 * How a new container is run.
 */

/**
 * HfContainerOptions:runtime:
 *
 * The OCI runtime, a path or a name in PATH; "runc".
 */

/**
 * HfContainerOptions:runtime-args:
 *
 * What stands before the runtime's command; may be %NULL.
 */

/**
 * HfContainerOptions:shim:
 *
 * Holdfast-shim, a path or a name in PATH; by default the one that belongs to the library; may be
 * %NULL.
 */

/**
 * HfContainerOptions:labels:
 *
 * "NAME=VALUE" each; may be %NULL.
 */

/**
 * HfContainerOptions:no-pivot-root:
 *
 * The runtime uses MS_MOVE, as a root on a ramdisk needs.
 */

/**
 * HfContainerOptions:start-timeout-ms:
 *
 * How long start and exec may take; 15000. Not on disk.
 */

/**
 * hf_container_options_new:
 *
 * Returns: (transfer full): with the defaults
 */
HF_PUBLIC
HfContainerOptions *hf_container_options_new(void);

/**
 * HfContainer:
 *
 * A container, which is a directory below a root. The object knows where that is, and reads what
 * may change each time it is asked: several objects, also in several programs, may stand for one
 * container at once. Functions that change a container wait for each other.
 */
#define HF_TYPE_CONTAINER (hf_container_get_type())
HF_PUBLIC
G_DECLARE_FINAL_TYPE(HfContainer, hf_container, HF, CONTAINER, GObject)

/**
 * hf_default_root:
 *
 * Returns: (transfer full): "/run/holdfast", or "holdfast" below XDG_RUNTIME_DIR for a user other
 *   than root
 */
HF_PUBLIC
char *hf_default_root(void);

/**
 * hf_container_new:
 * @root: (nullable): where all containers' directories are; made if missing, mode 0700. %NULL:
 *   hf_default_root()
 * @id: the container's name, unique below @root: 1 to %HF_ID_MAX of letters, digits and "_+-.",
 *   beginning with a letter or digit
 * @bundle: the directory with config.json and the root file system
 * @options: (nullable): %NULL for the defaults
 * @error: %HF_ERROR_EXISTS if the id is taken; %HF_ERROR_INVALID_ARGUMENT for an id that is none, a
 *   root that is no directory of ours, or a bundle without a usable config.json
 *
 * Makes a container. On disk afterwards: ROOT/ID/ with state.json. No process is made.
 *
 * Returns: (transfer full): or %NULL
 */
HF_PUBLIC
HfContainer *hf_container_new(const char *root, const char *id, const char *bundle,
                              HfContainerOptions *options,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * hf_container_load:
 * @root: (nullable): as for hf_container_new()
 * @id: its name
 * @error: %HF_ERROR_NOT_FOUND if there is none; %HF_ERROR_PROTOCOL for a state.json that makes no
 *   sense
 *
 * Loads a container that somebody made, this program or another, in whatever state it is. Nothing
 * on disk changes. A broken process directory does not keep the container from being loaded:
 * hf_container_get_problems() tells of it.
 *
 * Returns: (transfer full): or %NULL
 */
HF_PUBLIC
HfContainer *hf_container_load(const char *root, const char *id,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * hf_container_load_all:
 * @root: (nullable): as for hf_container_new(); that it does not exist is no error
 * @out_problems: (out) (optional) (transfer full) (array zero-terminated=1): a text for each
 *   container that could not be loaded
 *
 * Loads all containers.
 *
 * Returns: (transfer container) (element-type HfContainer): by id; or %NULL
 */
HF_PUBLIC
GPtrArray *hf_container_load_all(const char *root, char ***out_problems,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * hf_container_get_id:
 *
 * Returns: its name
 */
HF_PUBLIC
const char *hf_container_get_id(HfContainer *self);

/**
 * hf_container_get_path:
 *
 * Returns: ROOT/ID
 */
HF_PUBLIC
const char *hf_container_get_path(HfContainer *self);

/**
 * hf_container_get_bundle:
 *
 * Returns: the directory with config.json
 */
HF_PUBLIC
const char *hf_container_get_bundle(HfContainer *self);

/**
 * hf_container_get_labels:
 *
 * Returns: (transfer none) (array zero-terminated=1): never %NULL
 */
HF_PUBLIC
const char *const *hf_container_get_labels(HfContainer *self);

/**
 * hf_container_get_runtime:
 *
 * Returns: the OCI runtime, a path or a name in PATH
 */
HF_PUBLIC
const char *hf_container_get_runtime(HfContainer *self);

/**
 * hf_container_get_runtime_args:
 *
 * Returns: (transfer none) (array zero-terminated=1): never %NULL
 */
HF_PUBLIC
const char *const *hf_container_get_runtime_args(HfContainer *self);

/**
 * hf_container_dup_created:
 *
 * Returns: (transfer full): when state.json was written
 */
HF_PUBLIC
GDateTime *hf_container_dup_created(HfContainer *self);

/**
 * hf_container_load_spec:
 *
 * Reads the bundle's config.json.
 *
 * Returns: (transfer full): or %NULL
 */
HF_PUBLIC
HfSpec *hf_container_load_spec(HfContainer *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * hf_container_get_problems:
 *
 * Reads the directory anew. What is returned is valid until the next call.
 *
 * Returns: (transfer none) (array zero-terminated=1): a text for each process directory that could
 *   not be loaded; never %NULL
 */
HF_PUBLIC
const char *const *hf_container_get_problems(HfContainer *self);

/**
 * hf_container_start:
 * @checkpoint: (nullable): the directory of a checkpoint to restore from
 * @stdio: (nullable): %NULL: no FIFOs, the default log
 * @cancellable: (nullable): what was begun is undone
 * @error: %HF_ERROR_EXISTS if it was started already; %HF_ERROR_RUNTIME_FAILED with the OCI
 *   runtime's message, %HF_ERROR_MONITOR_EXITED with the monitor's; %HF_ERROR_START_TIMED_OUT;
 *   %HF_ERROR_CONTAINER_NOT_STARTED if neither said why
 *
 * Makes the container's first process: writes ROOT/ID/init/, starts a monitor, and waits until the
 * OCI runtime has created the process or failed. The process waits for hf_process_start() then; one
 * that was restored from a checkpoint runs already. After a failure there is no init/.
 *
 * Returns: (transfer full): the process, or %NULL
 */
HF_PUBLIC
HfProcess *hf_container_start(HfContainer *self, const char *checkpoint, HfStdio *stdio,
                              GCancellable *cancellable, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * hf_container_start_async:
 * @checkpoint: (nullable): as for hf_container_start()
 * @stdio: (nullable): likewise
 * @cancellable: (nullable): likewise
 * @callback: (scope async): called in the thread-default main context, once it is done
 *
 * hf_container_start() without waiting: hf_container_start_finish() tells the result.
 */
HF_PUBLIC
void hf_container_start_async(HfContainer *self, const char *checkpoint, HfStdio *stdio,
                              GCancellable *cancellable, GAsyncReadyCallback callback,
                              gpointer user_data);

/**
 * hf_container_start_finish:
 *
 * Returns: (transfer full):
 */
HF_PUBLIC
HfProcess *hf_container_start_finish(HfContainer *self, GAsyncResult *result,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * hf_container_exec:
 * @id: names the new process; as a container's id, and not "init"
 * @spec: what it is
 * @stdio: (nullable): as for hf_container_start()
 * @cancellable: (nullable): what was begun is undone
 * @error: %HF_ERROR_EXISTS if the id is taken, %HF_ERROR_CONTAINER_NOT_STARTED and
 *   %HF_ERROR_CONTAINER_EXITED if nothing runs, else as for hf_container_start()
 *
 * Runs another process in the container. On disk afterwards: ROOT/ID/@id/.
 *
 * Returns: (transfer full): the process, which runs; or %NULL
 */
HF_PUBLIC
HfProcess *hf_container_exec(HfContainer *self, const char *id, HfProcessSpec *spec, HfStdio *stdio,
                             GCancellable *cancellable, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * hf_container_exec_async:
 * @id: as for hf_container_exec()
 * @spec: likewise
 * @stdio: (nullable): likewise
 * @cancellable: (nullable): likewise
 * @callback: (scope async): called in the thread-default main context, once it is done
 *
 * hf_container_exec() without waiting: hf_container_exec_finish() tells the result.
 */
HF_PUBLIC
void hf_container_exec_async(HfContainer *self, const char *id, HfProcessSpec *spec, HfStdio *stdio,
                             GCancellable *cancellable, GAsyncReadyCallback callback,
                             gpointer user_data);

/**
 * hf_container_exec_finish:
 *
 * Returns: (transfer full):
 */
HF_PUBLIC
HfProcess *hf_container_exec_finish(HfContainer *self, GAsyncResult *result,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * hf_container_list_processes:
 *
 * Reads the directory anew.
 *
 * Returns: (transfer container) (element-type HfProcess): the first process, then the others by id
 */
HF_PUBLIC
GPtrArray *hf_container_list_processes(HfContainer *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * hf_container_get_process:
 * @id: %HF_INIT_PROCESS_ID or that of an exec
 * @error: %HF_ERROR_NOT_FOUND if there is none; %HF_ERROR_CONTAINER_NOT_STARTED if it is the first
 *   process that there is none of
 *
 * Returns: (transfer full): or %NULL
 */
HF_PUBLIC
HfProcess *hf_container_get_process(HfContainer *self, const char *id,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * hf_container_remove_process:
 * @id: of an exec that has ended
 * @error: %HF_ERROR_INVALID_STATE while it runs
 *
 * Removes an ended exec's directory, with its log if that is in it.
 */
HF_PUBLIC
gboolean hf_container_remove_process(HfContainer *self, const char *id, GError **error);

/**
 * hf_container_get_state:
 *
 * Reads the state from files and the cgroup; only for a process that may not have been started yet
 * is the runtime asked.
 */
HF_PUBLIC
HfContainerState hf_container_get_state(HfContainer *self);

/**
 * hf_container_query_status:
 *
 * Asks the OCI runtime.
 *
 * Returns: (transfer full): the "status" of its "state" command, or %NULL
 */
HF_PUBLIC
char *hf_container_query_status(HfContainer *self, GCancellable *cancellable,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * hf_container_pause:
 * @error: %HF_ERROR_INVALID_STATE unless it runs
 */
HF_PUBLIC
gboolean hf_container_pause(HfContainer *self, GCancellable *cancellable, GError **error);

/**
 * hf_container_resume:
 * @error: %HF_ERROR_INVALID_STATE unless it is paused
 */
HF_PUBLIC
gboolean hf_container_resume(HfContainer *self, GCancellable *cancellable, GError **error);

/**
 * hf_container_list_pids:
 * @out_length: (out): their number
 *
 * Returns: (transfer full) (array length=out_length): the processes in the container's cgroup, as
 *   this program's pid namespace numbers them; or %NULL
 */
HF_PUBLIC
int *hf_container_list_pids(HfContainer *self, gsize *out_length,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * hf_container_get_stats:
 *
 * Returns: (transfer full): what the container uses, read from the cgroup; or %NULL
 */
HF_PUBLIC
HfStats *hf_container_get_stats(HfContainer *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * hf_container_update_resources:
 *
 * Has the OCI runtime set new limits; those that @resources does not have stay as they are.
 */
HF_PUBLIC
gboolean hf_container_update_resources(HfContainer *self, HfResources *resources,
                                       GCancellable *cancellable, GError **error);

/**
 * hf_container_list_checkpoints:
 * @directory: (nullable): where they are; %NULL: "checkpoints" in the bundle
 *
 * Returns: (transfer container) (element-type HfCheckpoint): by name; or %NULL
 */
HF_PUBLIC
GPtrArray *hf_container_list_checkpoints(HfContainer *self, const char *directory,
                                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * hf_container_checkpoint:
 * @checkpoint: its name and options
 * @directory: (nullable): as for hf_container_list_checkpoints()
 * @error: %HF_ERROR_EXISTS if there is one of that name; %HF_ERROR_RUNTIME_FAILED with CRIU's last
 *   error lines; the container runs on then
 *
 * Writes the container's processes to DIRECTORY/NAME/, with config.json for the options.
 */
HF_PUBLIC
gboolean hf_container_checkpoint(HfContainer *self, HfCheckpoint *checkpoint, const char *directory,
                                 GCancellable *cancellable, GError **error);

/**
 * hf_container_checkpoint_async:
 * @checkpoint: as for hf_container_checkpoint()
 * @directory: (nullable): likewise
 * @cancellable: (nullable): likewise
 * @callback: (scope async): called in the thread-default main context, once it is done
 *
 * hf_container_checkpoint() without waiting: hf_container_checkpoint_finish() tells the result.
 */
HF_PUBLIC
void hf_container_checkpoint_async(HfContainer *self, HfCheckpoint *checkpoint,
                                   const char *directory, GCancellable *cancellable,
                                   GAsyncReadyCallback callback, gpointer user_data);

/**
 * hf_container_checkpoint_finish:
 *
 * Returns: %FALSE if there is no checkpoint
 */
HF_PUBLIC
gboolean hf_container_checkpoint_finish(HfContainer *self, GAsyncResult *result, GError **error);

/**
 * hf_container_delete_checkpoint:
 * @name: which
 * @directory: (nullable): as for hf_container_list_checkpoints()
 */
HF_PUBLIC
gboolean hf_container_delete_checkpoint(HfContainer *self, const char *name, const char *directory,
                                        GError **error);

/**
 * hf_container_delete:
 * @force: end what runs with SIGKILL first
 * @error: %HF_ERROR_INVALID_STATE while a process runs, without @force
 *
 * Has the OCI runtime forget the container, unmounts what hf_container_new_task() mounted, and
 * removes ROOT/ID/. After a crash in its middle it may be called again.
 */
HF_PUBLIC
gboolean hf_container_delete(HfContainer *self, gboolean force, GCancellable *cancellable,
                             GError **error);

/**
 * hf_container_delete_async:
 * @force: as for hf_container_delete()
 * @cancellable: (nullable): likewise
 * @callback: (scope async): called in the thread-default main context, once it is done
 *
 * hf_container_delete() without waiting: hf_container_delete_finish() tells the result.
 */
HF_PUBLIC
void hf_container_delete_async(HfContainer *self, gboolean force, GCancellable *cancellable,
                               GAsyncReadyCallback callback, gpointer user_data);

/**
 * hf_container_delete_finish:
 *
 * Returns: %FALSE if the container is still there
 */
HF_PUBLIC
gboolean hf_container_delete_finish(HfContainer *self, GAsyncResult *result, GError **error);

/**
 * hf_container_adopt:
 * @out_count: (out) (optional): how many processes got a new monitor
 * @error: the first of what went wrong; the other processes have theirs all the same
 *
 * Gives a new monitor to every process of the container whose own died: its log goes on, attaching
 * and control work again, its exit status will be told (if the kernel can tell it). A process that
 * ended without a monitor is reported as ended, with a status that is unknown. To load a container
 * starts nothing; who wants that an orphan is looked after calls this.
 */
HF_PUBLIC
gboolean hf_container_adopt(HfContainer *self, guint *out_count, GCancellable *cancellable,
                            GError **error);

/**
 * hf_container_adopt_async:
 * @cancellable: (nullable): as for hf_container_adopt()
 * @callback: (scope async): called in the thread-default main context, once it is done
 *
 * hf_container_adopt() without waiting: hf_container_adopt_finish() tells the result.
 */
HF_PUBLIC
void hf_container_adopt_async(HfContainer *self, GCancellable *cancellable,
                              GAsyncReadyCallback callback, gpointer user_data);

/**
 * hf_container_adopt_finish:
 *
 * Returns: %FALSE if a process has no monitor
 */
HF_PUBLIC
gboolean hf_container_adopt_finish(HfContainer *self, GAsyncResult *result, GError **error);

/**
 * hf_container_new_task:
 * @create_io: (scope call) (nullable): makes the streams; %NULL: none
 * @rootfs: (nullable) (element-type HfMount): mounted over the bundle's root file system first
 * @checkpoint: (nullable): the directory of a checkpoint to restore from
 *
 * containerd 1.0's way to make the first process: streams from a callback, a root file system from
 * mounts, which state.json keeps for hf_container_delete() to undo. With a checkpoint nothing is
 * created before hf_process_start().
 *
 * Returns: (transfer full): the first process, or %NULL
 */
HF_PUBLIC
HfProcess *hf_container_new_task(HfContainer *self, HfIoCreateFunc create_io, gpointer user_data,
                                 GPtrArray *rootfs, const char *checkpoint,
                                 GCancellable *cancellable,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/**
 * hf_container_load_task:
 * @attach_io: (scope call) (nullable): joins the streams; %NULL: they are left alone
 *
 * Returns: (transfer full): the first process, which exists already; or %NULL
 */
HF_PUBLIC
HfProcess *hf_container_load_task(HfContainer *self, HfIoAttachFunc attach_io, gpointer user_data,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
