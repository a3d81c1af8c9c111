/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/fd.h"
#include "library/container-private.h"
#include "library/process-private.h"
#include "library/state-dir.h"
#include "protocol/state-names.h"

char *
hf_container_dup_root(const char *root)
{
    return root != NULL ? g_canonicalize_filename(root, NULL) : hf_default_root();
}

HfContainerFile *
hf_container_read_file(int dir_fd, GError **error)
{
    gsize length = 0;
    g_autoptr(GError) local = NULL;
    g_autofree char *text = hf_state_read_file(dir_fd, HF_STATE_CONTAINER, &length, &local);
    HfContainerFile *file = text != NULL ? hf_container_file_parse(text, length, &local) : NULL;

    if (file != NULL)
        return file;
    /* The directory is there, so this is no container that is missing. */
    if (g_error_matches(local, HF_ERROR, HF_ERROR_NOT_FOUND))
        local->code = HF_ERROR_PROTOCOL;
    g_propagate_prefixed_error(error, g_steal_pointer(&local), "%s: ", HF_STATE_CONTAINER);
    return NULL;
}

/* @failure is taken. */
static void
throw_not_loaded(const char *root, const char *id, GError **failure, GError **error)
{
    if (g_error_matches(*failure, HF_ERROR, HF_ERROR_NOT_FOUND))
        g_set_error(error, HF_ERROR, HF_ERROR_NOT_FOUND,
                    "container '%s': there is no such container in '%s'", id, root);
    else
        g_propagate_prefixed_error(error, g_steal_pointer(failure), "container '%s': ", id);
}

static HfContainer *
load_at(int root_fd, const char *root, const char *id, GError **error)
{
    g_autofree char *path = g_build_filename(root, id, NULL);
    g_autoptr(GError) local = NULL;
    hf_autofd dir_fd = -1;
    HfContainerFile *file = NULL;

    if (!hf_state_check_id("container", id, error))
        return NULL;
    dir_fd = hf_state_open_dir(root_fd, id, path, &local);
    if (dir_fd >= 0)
        file = hf_container_read_file(dir_fd, &local);
    if (file == NULL)
        return throw_not_loaded(root, id, &local, error), NULL;
    return hf_container_new_for_file(root, id, file);
}

HfContainer *
hf_container_load(const char *root, const char *id, GError **error)
{
    g_autofree char *whole_root = NULL;
    g_autoptr(GError) local = NULL;
    hf_autofd root_fd = -1;

    g_return_val_if_fail(id != NULL, NULL);
    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    if (!hf_state_check_id("container", id, error))
        return NULL;
    whole_root = hf_container_dup_root(root);
    root_fd = hf_state_open_root(whole_root, false, &local);
    if (root_fd < 0)
        return throw_not_loaded(whole_root, id, &local, error), NULL;
    return load_at(root_fd, whole_root, id, error);
}

/* The directories below @dir_fd that may be containers or processes, by name. */
static GPtrArray *
list_directories(int dir_fd, GError **error)
{
    g_autoptr(GPtrArray) names = hf_state_list_names(dir_fd, error);
    g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);
    struct stat status;

    for (guint i = 0; names != NULL && i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);

        if (name[0] != '.' && fstatat(dir_fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISDIR(status.st_mode))
            g_ptr_array_add(found, g_strdup(name));
    }
    return names != NULL ? g_steal_pointer(&found) : NULL;
}

/* Keeps the text of *@error, unless it says that the thing was removed meanwhile. */
static void
note_problem(GPtrArray *problems, GError **error)
{
    if (!g_error_matches(*error, HF_ERROR, HF_ERROR_NOT_FOUND))
        g_ptr_array_add(problems, g_strdup((*error)->message));
    g_clear_error(error);
}

static char **
end_problems(GPtrArray *take_problems)
{
    g_ptr_array_add(take_problems, NULL);
    return (char **)g_ptr_array_free(take_problems, FALSE);
}

/* As hf_container_load_all(), of a root that may be missing (-1). */
static GPtrArray *
load_all_at(int root_fd, const char *root, GPtrArray *problems, GError **error)
{
    g_autoptr(GPtrArray) containers = g_ptr_array_new_with_free_func(g_object_unref);
    g_autoptr(GPtrArray) names = NULL;

    if (root_fd < 0)
        return g_steal_pointer(&containers);
    names = list_directories(root_fd, error);
    for (guint i = 0; names != NULL && i < names->len; i++) {
        g_autoptr(GError) local = NULL;
        HfContainer *container = load_at(root_fd, root, g_ptr_array_index(names, i), &local);

        if (container != NULL)
            g_ptr_array_add(containers, container);
        else
            note_problem(problems, &local);
    }
    return names != NULL ? g_steal_pointer(&containers) : NULL;
}

GPtrArray *
hf_container_load_all(const char *root, char ***out_problems, GError **error)
{
    g_autofree char *whole_root = hf_container_dup_root(root);
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) local = NULL;
    hf_autofd root_fd = -1;

    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    root_fd = hf_state_open_root(whole_root, false, &local);
    if (root_fd < 0 && !g_error_matches(local, HF_ERROR, HF_ERROR_NOT_FOUND)) {
        g_propagate_error(error, g_steal_pointer(&local));
        return NULL;
    }
    GPtrArray *containers = load_all_at(root_fd, whole_root, problems, error);
    if (containers != NULL && out_problems != NULL)
        *out_problems = end_problems(g_steal_pointer(&problems));
    return containers;
}

static gint
compare_processes(gconstpointer a, gconstpointer b)
{
    const HfProcess *left = *(HfProcess *const *)a;
    const HfProcess *right = *(HfProcess *const *)b;
    bool left_is_init = g_str_equal(left->id, HF_INIT_PROCESS_ID);
    bool right_is_init = g_str_equal(right->id, HF_INIT_PROCESS_ID);

    if (left_is_init != right_is_init)
        return left_is_init ? -1 : 1;
    return strcmp(left->id, right->id);
}

/* The processes that can be loaded; what is wrong with the others goes to @problems. */
static GPtrArray *
load_processes(HfContainer *self, GPtrArray *problems, GError **error)
{
    hf_autofd dir_fd = hf_container_open(self, error);
    g_autoptr(GPtrArray) names = dir_fd >= 0 ? list_directories(dir_fd, error) : NULL;
    g_autoptr(GPtrArray) processes = g_ptr_array_new_with_free_func(g_object_unref);

    for (guint i = 0; names != NULL && i < names->len; i++) {
        g_autoptr(GError) local = NULL;
        HfProcess *process = hf_process_load(self, g_ptr_array_index(names, i), &local);

        if (process != NULL)
            g_ptr_array_add(processes, process);
        else
            note_problem(problems, &local);
    }
    if (names == NULL)
        return g_prefix_error(error, "container '%s': ", self->id), NULL;
    g_ptr_array_sort(processes, compare_processes);
    return g_steal_pointer(&processes);
}

GPtrArray *
hf_container_list_processes(HfContainer *self, GError **error)
{
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);

    g_return_val_if_fail(HF_IS_CONTAINER(self), NULL);
    g_return_val_if_fail(error == NULL || *error == NULL, NULL);
    return load_processes(self, problems, error);
}

const char *const *
hf_container_get_problems(HfContainer *self)
{
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) processes = NULL;
    g_autoptr(GError) error = NULL;

    g_return_val_if_fail(HF_IS_CONTAINER(self), NULL);

    processes = load_processes(self, problems, &error);
    if (processes == NULL)
        note_problem(problems, &error);
    g_strfreev(self->problems);
    self->problems = end_problems(g_steal_pointer(&problems));
    return (const char *const *)self->problems;
}

HfProcess *
hf_container_get_process(HfContainer *self, const char *id, GError **error)
{
    g_autoptr(GError) local = NULL;
    HfProcess *process = NULL;

    g_return_val_if_fail(HF_IS_CONTAINER(self), NULL);
    g_return_val_if_fail(id != NULL, NULL);
    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    process = hf_process_load(self, id, &local);
    if (process == NULL && g_str_equal(id, HF_INIT_PROCESS_ID) &&
        g_error_matches(local, HF_ERROR, HF_ERROR_NOT_FOUND))
        hf_throw(error, HF_ERROR_CONTAINER_NOT_STARTED, "container '%s': it was not started",
                 self->id);
    else if (process == NULL)
        g_propagate_error(error, g_steal_pointer(&local));
    return process;
}
