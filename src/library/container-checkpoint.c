/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Checkpoints: DIRECTORY/NAME/ with CRIU's images, config.json for the options, and criu.work/ with
 * CRIU's own log.
 *
 * The images are written under a hidden name, which becomes the checkpoint's when the runtime has
 * succeeded: a checkpoint that is listed is whole. What a killed caller left is removed by the next
 * checkpoint of that name. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic-file.h"
#include "base/error.h"
#include "base/fd.h"
#include "library/async-call.h"
#include "library/checkpoint-private.h"
#include "library/container-change.h"
#include "library/runtime-command.h"
#include "library/state-dir.h"
#include "protocol/state-names.h"

#define CRIU_LOG_END (64 * 1024)
#define CRIU_ERRORS_SHOWN 3

static char *
get_directory(HfContainer *self, const char *directory)
{
    if (directory != NULL)
        return g_canonicalize_filename(directory, NULL);
    return g_build_filename(hf_container_get_bundle(self), "checkpoints", NULL);
}

/* -1 without an error: there is none, which is an empty one. */
static int
open_directory(const char *path, GError **error)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 && errno != ENOENT)
        hf_throw_errno(error, "open directory '%s'", path);
    return fd;
}

static HfCheckpoint *
load_one(int dir_fd, const char *name, GError **error)
{
    gsize length = 0;
    hf_autofd fd = hf_state_open_dir(dir_fd, name, name, error);
    g_autofree char *text =
        fd >= 0 ? hf_state_read_file(fd, HF_CHECKPOINT_CONFIG, &length, error) : NULL;
    HfCheckpoint *checkpoint = NULL;

    if (text == NULL)
        return NULL;
    checkpoint = hf_checkpoint_parse(text, length, error);
    if (checkpoint != NULL) {
        /* Its place is its name, whatever the file says. */
        g_free(checkpoint->name);
        checkpoint->name = g_strdup(name);
    }
    return checkpoint;
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
    HfCheckpoint *const *first = a;
    HfCheckpoint *const *second = b;

    return strcmp((*first)->name, (*second)->name);
}

GPtrArray *
hf_container_list_checkpoints(HfContainer *self, const char *directory, GError **error)
{
    g_autoptr(GPtrArray) checkpoints = g_ptr_array_new_with_free_func(g_object_unref);
    g_autoptr(GError) local_error = NULL;
    g_autoptr(GPtrArray) names = NULL;
    g_autofree char *path = NULL;
    hf_autofd dir_fd = -1;

    g_return_val_if_fail(HF_IS_CONTAINER(self), NULL);

    path = get_directory(self, directory);
    dir_fd = open_directory(path, &local_error);
    if (local_error != NULL) {
        g_propagate_error(error, g_steal_pointer(&local_error));
        return NULL;
    }
    if (dir_fd < 0)
        return g_steal_pointer(&checkpoints);
    names = hf_state_list_names(dir_fd, error);
    if (names == NULL)
        return NULL;
    for (guint i = 0; i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        HfCheckpoint *checkpoint = NULL;

        if (!hf_state_check_id("checkpoint", name, NULL))
            continue;
        checkpoint = load_one(dir_fd, name, NULL);
        if (checkpoint != NULL)
            g_ptr_array_add(checkpoints, checkpoint);
    }
    g_ptr_array_sort(checkpoints, compare_names);
    return g_steal_pointer(&checkpoints);
}

/* The last CRIU_LOG_END bytes of a file; NULL if it cannot be read. (transfer full) */
static char *
read_end(int dir_fd, const char *name)
{
    hf_autofd fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    g_autofree char *bytes = g_malloc(CRIU_LOG_END);
    struct stat info;
    ssize_t length = -1;

    if (fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode))
        length = pread(fd, bytes, CRIU_LOG_END, MAX(info.st_size - CRIU_LOG_END, 0));
    return length > 0 ? g_utf8_make_valid(bytes, length) : NULL;
}

/* The last lines of CRIU's log that tell of an error; NULL if there are none. */
static char *
read_criu_errors(int dir_fd, const char *name)
{
    g_autofree char *path = g_build_filename(name, HF_CHECKPOINT_WORK, "dump.log", NULL);
    g_autofree char *text = read_end(dir_fd, path);
    g_auto(GStrv) lines = text != NULL ? g_strsplit(text, "\n", -1) : NULL;
    g_autoptr(GPtrArray) errors = g_ptr_array_new();
    guint first = 0;

    for (gsize i = 0; lines != NULL && lines[i] != NULL; i++) {
        if (strstr(lines[i], "Error (") != NULL)
            g_ptr_array_add(errors, lines[i]);
    }
    if (errors->len == 0)
        return NULL;
    first = errors->len > CRIU_ERRORS_SHOWN ? errors->len - CRIU_ERRORS_SHOWN : 0;
    g_ptr_array_add(errors, NULL);
    return g_strjoinv("; ", (char **)errors->pdata + first);
}

static char **
make_arguments(HfContainer *self, HfCheckpoint *checkpoint, const char *image_path)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    g_autofree char *work_path = g_build_filename(image_path, HF_CHECKPOINT_WORK, NULL);

    g_strv_builder_add_many(builder, "checkpoint", "--image-path", image_path, "--work-path",
                            work_path, NULL);
    if (!checkpoint->exits)
        g_strv_builder_add(builder, "--leave-running");
    if (checkpoint->has_tcp)
        g_strv_builder_add(builder, "--tcp-established");
    if (checkpoint->has_unix_sockets)
        g_strv_builder_add(builder, "--ext-unix-sk");
    if (checkpoint->is_shell_job)
        g_strv_builder_add(builder, "--shell-job");
    for (gsize i = 0; checkpoint->empty_ns != NULL && checkpoint->empty_ns[i] != NULL; i++)
        g_strv_builder_add_many(builder, "--empty-ns", checkpoint->empty_ns[i], NULL);
    g_strv_builder_add(builder, hf_container_get_id(self));
    return g_strv_builder_end(builder);
}

/* Has the runtime write the images to @name below @path. */
static gboolean
run_checkpoint(HfContainer *self, int lock_fd, HfCheckpoint *checkpoint, int dir_fd,
               const char *path, const char *name, GCancellable *cancellable, GError **error)
{
    g_autofree char *image_path = g_build_filename(path, name, NULL);
    g_auto(GStrv) args = make_arguments(self, checkpoint, image_path);
    g_autofree char *criu = NULL;

    if (hf_runtime_command_run_locked(self, lock_fd, (const char *const *)args, NULL, cancellable,
                                      error))
        return TRUE;
    criu = read_criu_errors(dir_fd, name);
    if (criu != NULL && error != NULL && *error != NULL) {
        /* What follows the first line is where CRIU's log was, which is removed. */
        g_autofree char *message = g_strndup((*error)->message, strcspn((*error)->message, "\n"));

        g_free((*error)->message);
        (*error)->message = g_strdup_printf("%s: CRIU: %s", message, criu);
    }
    return FALSE;
}

static gboolean
write_config(int dir_fd, const char *name, HfCheckpoint *checkpoint, GError **error)
{
    g_autoptr(GDateTime) created = g_date_time_new_now_utc();
    g_autofree char *json = hf_checkpoint_to_json(checkpoint, created);
    g_autofree char *config = g_build_filename(name, HF_CHECKPOINT_CONFIG, NULL);

    return hf_atomic_file_write_at(dir_fd, config, json, strlen(json), 0600, error);
}

static gboolean
write_checkpoint(HfContainer *self, int lock_fd, HfCheckpoint *checkpoint, int dir_fd,
                 const char *path, const char *hidden, GCancellable *cancellable, GError **error)
{
    if (!hf_state_remove_tree(dir_fd, hidden, error))
        return FALSE;
    if (mkdirat(dir_fd, hidden, 0700) < 0)
        return hf_throw_errno(error, "make directory '%s/%s'", path, hidden);
    if (!run_checkpoint(self, lock_fd, checkpoint, dir_fd, path, hidden, cancellable, error) ||
        !write_config(dir_fd, hidden, checkpoint, error))
        return FALSE;
    /* A checkpoint is no empty directory, so it is never replaced. */
    if (renameat(dir_fd, hidden, dir_fd, checkpoint->name) == 0)
        return TRUE;
    if (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR)
        return hf_throw(error, HF_ERROR_EXISTS, "there is a checkpoint '%s' already",
                        checkpoint->name);
    return hf_throw_errno(error, "rename '%s/%s'", path, hidden);
}

static gboolean
check_new_name(int dir_fd, const char *name, GError **error)
{
    struct stat info;

    if (fstatat(dir_fd, name, &info, AT_SYMLINK_NOFOLLOW) == 0)
        return hf_throw(error, HF_ERROR_EXISTS, "there is a checkpoint '%s' already", name);
    return TRUE;
}

static gboolean
check_running(HfContainer *self, GError **error)
{
    HfContainerState state = hf_container_get_state(self);

    if (state == HF_CONTAINER_STATE_RUNNING || state == HF_CONTAINER_STATE_PAUSED)
        return TRUE;
    return hf_throw(error, HF_ERROR_INVALID_STATE, "it is %s, and not running",
                    hf_container_state_to_string(state));
}

static gboolean
checkpoint_locked(HfContainer *self, int lock_fd, HfCheckpoint *checkpoint, const char *path,
                  GCancellable *cancellable, GError **error)
{
    g_autofree char *hidden = g_strdup_printf(".%s.new", checkpoint->name);
    hf_autofd dir_fd = -1;

    if (!check_running(self, error))
        return FALSE;
    if (g_mkdir_with_parents(path, 0700) < 0)
        return hf_throw_errno(error, "make directory '%s'", path);
    dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return hf_throw_errno(error, "open directory '%s'", path);
    if (!check_new_name(dir_fd, checkpoint->name, error))
        return FALSE;
    if (write_checkpoint(self, lock_fd, checkpoint, dir_fd, path, hidden, cancellable, error))
        return TRUE;
    (void)hf_state_remove_tree(dir_fd, hidden, NULL);
    return FALSE;
}

/* For HfEvents. The checkpoint is there, also where this fails. */
static void
leave_mark(int dir_fd, const char *name)
{
    g_autoptr(GError) failure = NULL;

    if (!hf_atomic_file_write_at(dir_fd, HF_STATE_CHECKPOINTED, name, strlen(name), 0600, &failure))
        g_debug("%s", failure->message);
}

gboolean
hf_container_checkpoint(HfContainer *self, HfCheckpoint *checkpoint, const char *directory,
                        GCancellable *cancellable, GError **error)
{
    g_autofree char *path = NULL;
    g_auto(HfContainerChange) change = HF_CONTAINER_CHANGE_NONE;

    g_return_val_if_fail(HF_IS_CONTAINER(self), FALSE);
    g_return_val_if_fail(HF_IS_CHECKPOINT(checkpoint), FALSE);

    if (!hf_state_check_id("checkpoint", checkpoint->name != NULL ? checkpoint->name : "", error))
        return FALSE;
    path = get_directory(self, directory);
    if (!hf_container_change_begin(self, HF_CONTAINER_LOCK_EXCLUSIVE, cancellable, &change, error))
        return FALSE;
    if (!checkpoint_locked(self, change.lock_fd, checkpoint, path, cancellable, error)) {
        g_prefix_error(error, "checkpoint '%s' of container '%s': ", checkpoint->name, self->id);
        return FALSE;
    }
    leave_mark(change.dir_fd, checkpoint->name);
    return TRUE;
}

typedef struct {
    HfCheckpoint *checkpoint;
    char *directory;
} CheckpointArguments;

static void
checkpoint_arguments_free(gpointer data)
{
    CheckpointArguments *arguments = data;

    g_object_unref(arguments->checkpoint);
    g_free(arguments->directory);
    g_free(arguments);
}

static gpointer
run_async(gpointer source, gpointer data, GCancellable *cancellable, GError **error)
{
    const CheckpointArguments *arguments = data;

    return HF_ASYNC_DONE(hf_container_checkpoint(source, arguments->checkpoint,
                                                 arguments->directory, cancellable, error));
}

static const HfAsyncCall checkpoint_call = {run_async, checkpoint_arguments_free, NULL};

void
hf_container_checkpoint_async(HfContainer *self, HfCheckpoint *checkpoint, const char *directory,
                              GCancellable *cancellable, GAsyncReadyCallback callback,
                              gpointer user_data)
{
    CheckpointArguments *arguments = NULL;

    g_return_if_fail(HF_IS_CONTAINER(self));
    g_return_if_fail(HF_IS_CHECKPOINT(checkpoint));

    arguments = g_new0(CheckpointArguments, 1);
    arguments->checkpoint = g_object_ref(checkpoint);
    arguments->directory = g_strdup(directory);
    hf_async_call(&checkpoint_call, self, arguments, cancellable, callback, user_data);
}

gboolean
hf_container_checkpoint_finish(HfContainer *self, GAsyncResult *result, GError **error)
{
    return hf_async_finish(&checkpoint_call, self, result, error) != NULL;
}

gboolean
hf_container_delete_checkpoint(HfContainer *self, const char *name, const char *directory,
                               GError **error)
{
    g_autofree char *path = NULL;
    g_autoptr(GError) local_error = NULL;
    hf_autofd dir_fd = -1;
    struct stat info;

    g_return_val_if_fail(HF_IS_CONTAINER(self), FALSE);
    g_return_val_if_fail(name != NULL, FALSE);

    if (!hf_state_check_id("checkpoint", name, error))
        return FALSE;
    path = get_directory(self, directory);
    dir_fd = open_directory(path, &local_error);
    if (local_error != NULL) {
        g_propagate_error(error, g_steal_pointer(&local_error));
        return FALSE;
    }
    if (dir_fd < 0 || fstatat(dir_fd, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
        return hf_throw(error, HF_ERROR_NOT_FOUND, "container '%s' has no checkpoint '%s' in '%s'",
                        self->id, name, path);
    return hf_state_remove_tree(dir_fd, name, error);
}
