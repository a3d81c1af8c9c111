/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic-file.h"
#include "base/error.h"
#include "base/fd.h"
#include "library/process-make.h"
#include "library/spec-private.h"
#include "library/state-dir.h"
#include "library/stdio-private.h"
#include "protocol/log-spec.h"
#include "protocol/state-names.h"

#define DIRECTORY_MODE 0700
#define FIFO_MODE 0600
#define FILE_MODE 0600
#define LOG_OPTION "--log-path="

/* Takes @take_object. */
static HfProcess *
make(HfContainer *container, const char *id, JsonObject *take_object, HfStdio *stdio,
     GError **error)
{
    g_autoptr(HfProcess) self = hf_process_new(container, id);
    g_autoptr(HfSpec) spec = NULL;
    HfProcessFile *file = hf_process_file_new();

    self->file = file;
    g_clear_pointer(&file->process, json_object_unref);
    file->process = take_object;
    file->has_terminal =
        json_object_get_boolean_member_with_default(take_object, "terminal", FALSE);
    g_strfreev(file->runtime_args);
    file->runtime_args = g_strdupv(container->file->runtime_args);
    file->no_pivot_root = container->file->no_pivot_root;
    self->stdio = stdio != NULL ? g_object_ref(stdio) : hf_stdio_new(NULL, NULL, NULL);
    if (!hf_stdio_store(self->stdio, self->path, file, error))
        return NULL;
    spec = hf_spec_new_from_bundle(container->file->bundle, error);
    if (spec == NULL || !hf_spec_get_root_ids(spec, &file->root_uid, &file->root_gid, error))
        return NULL;
    return g_steal_pointer(&self);
}

HfProcess *
hf_process_make_init(HfContainer *container, const char *checkpoint, HfStdio *stdio, GError **error)
{
    g_autoptr(HfSpec) spec = hf_spec_new_from_bundle(container->file->bundle, error);

    if (spec == NULL)
        return NULL;
    g_autoptr(HfProcessSpec) process_spec = hf_spec_dup_process(spec);
    if (process_spec == NULL)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "config.json: process is missing"), NULL;
    HfProcess *self =
        make(container, HF_STATE_INIT, hf_process_spec_dup_object(process_spec), stdio, error);
    if (self != NULL && checkpoint != NULL) {
        g_free(self->file->checkpoint);
        self->file->checkpoint = g_canonicalize_filename(checkpoint, NULL);
    }
    return self;
}

HfProcess *
hf_process_make_exec(HfContainer *container, const char *id, HfProcessSpec *spec, HfStdio *stdio,
                     GError **error)
{
    HfProcess *self = make(container, id, hf_process_spec_dup_object(spec), stdio, error);

    if (self != NULL)
        self->file->is_exec = true;
    return self;
}

static gboolean
make_log_directory(const char *target, GError **error)
{
    g_autoptr(GError) failure = NULL;
    HfLogSpec log = {.path = NULL};

    /* What is wrong with it the monitor says. */
    if (!hf_log_spec_parse(target, &log, &failure))
        return TRUE;
    bool has_file = log.driver == HF_LOG_DRIVER_K8S_FILE || log.driver == HF_LOG_DRIVER_JSON_FILE ||
                    log.driver == HF_LOG_DRIVER_RAW;
    g_autofree char *directory =
        has_file && log.path != NULL && *log.path == '/' ? g_path_get_dirname(log.path) : NULL;
    hf_log_spec_clear(&log);
    if (directory != NULL && g_mkdir_with_parents(directory, 0755) < 0)
        return hf_throw_errno(error, "make the log's directory '%s'", directory);
    return TRUE;
}

static gboolean
make_log_directories(HfProcess *process, GError **error)
{
    for (char **arg = process->file->monitor_args; *arg != NULL; arg++) {
        if (g_str_has_prefix(*arg, LOG_OPTION) &&
            !make_log_directory(*arg + strlen(LOG_OPTION), error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
fill(HfProcess *process, int dir_fd, GError **error)
{
    static const char *const fifos[] = {HF_STATE_EXIT, HF_STATE_CONTROL};
    g_autofree char *json = hf_process_file_to_json(process->file);

    if (!hf_atomic_file_write_at(dir_fd, HF_STATE_PROCESS, json, strlen(json), FILE_MODE, error))
        return FALSE;
    for (guint i = 0; i < G_N_ELEMENTS(fifos); i++) {
        if (mkfifoat(dir_fd, fifos[i], FIFO_MODE) < 0)
            return hf_throw_errno(error, "make the FIFO '%s'", fifos[i]);
    }
    return make_log_directories(process, error);
}

gboolean
hf_process_make_directory(HfProcess *process, const HfContainerChange *change, GError **error)
{
    if (mkdirat(change->dir_fd, process->id, DIRECTORY_MODE) < 0) {
        if (errno == EEXIST)
            return hf_throw(error, HF_ERROR_EXISTS, "there is a process '%s' already", process->id);
        return hf_throw_errno(error, "make '%s'", process->path);
    }
    hf_autofd dir_fd = hf_state_open_dir(change->dir_fd, process->id, process->path, error);
    if (dir_fd >= 0 && fill(process, dir_fd, error))
        return TRUE;
    (void)!hf_state_remove_tree(change->dir_fd, process->id, NULL);
    return FALSE;
}
