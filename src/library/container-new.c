/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic-file.h"
#include "base/error.h"
#include "base/fd.h"
#include "library/container-private.h"
#include "library/state-dir.h"
#include "protocol/state-names.h"

/* How this works: the directory is made under a name that no container can have, ".new-ID-" and a
 * random number, gets its state.json, and is renamed to its id. So a container is there whole or
 * not at all, and of two that take one id at once the kernel lets one through. Who is killed before
 * the rename leaves a directory that nobody will look for: the next one that makes a container
 * removes those older than LEFTOVER_S, a time that no living one takes. */

#define LEFTOVER_S 60

/* JSON has no form for other text; it would come back as another path. */
static gboolean
check_text(const char *what, const char *text, GError **error)
{
    if (text == NULL || g_utf8_validate(text, -1, NULL))
        return TRUE;
    g_autofree char *escaped = g_strescape(text, NULL);
    return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "the %s '%s' is not UTF-8", what, escaped);
}

static gboolean
check_texts(const char *what, char *const *texts, GError **error)
{
    for (gsize i = 0; texts != NULL && texts[i] != NULL; i++) {
        if (!check_text(what, texts[i], error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
check_labels(char *const *labels, GError **error)
{
    for (gsize i = 0; labels != NULL && labels[i] != NULL; i++) {
        if (strchr(labels[i], '=') == NULL || labels[i][0] == '=')
            return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "the label '%s' is not NAME=VALUE",
                            labels[i]);
    }
    return TRUE;
}

static gboolean
check_options(const HfContainerOptions *options, GError **error)
{
    if (options->runtime == NULL || options->runtime[0] == '\0')
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "no OCI runtime is named");
    return check_text("runtime", options->runtime, error) &&
           check_text("shim", options->shim, error) &&
           check_texts("runtime's argument", options->runtime_args, error) &&
           check_texts("label", options->labels, error) && check_labels(options->labels, error);
}

static gboolean
check_bundle(const char *bundle, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_autoptr(HfSpec) spec = NULL;

    if (!check_text("bundle", bundle, error))
        return FALSE;
    spec = hf_spec_new_from_bundle(bundle, &local);
    if (spec != NULL)
        return TRUE;
    if (g_error_matches(local, HF_ERROR, HF_ERROR_NOT_FOUND))
        local->code = HF_ERROR_INVALID_ARGUMENT;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

/* A program's name is searched for in PATH; a path has to be found from every directory. */
static char *
make_absolute(const char *program)
{
    return strchr(program, '/') != NULL ? g_canonicalize_filename(program, NULL)
                                        : g_strdup(program);
}

static void
replace(char **field, char *take_value)
{
    g_free(*field);
    *field = take_value;
}

static HfContainerFile *
make_file(const char *bundle, const HfContainerOptions *options)
{
    HfContainerFile *file = hf_container_file_new();

    replace(&file->bundle, g_strdup(bundle));
    replace(&file->runtime, make_absolute(options->runtime));
    if (options->shim != NULL)
        replace(&file->shim, make_absolute(options->shim));
    if (options->labels != NULL) {
        g_strfreev(file->labels);
        file->labels = g_strdupv(options->labels);
    }
    if (options->runtime_args != NULL) {
        g_strfreev(file->runtime_args);
        file->runtime_args = g_strdupv(options->runtime_args);
    }
    file->no_pivot_root = options->no_pivot_root;
    file->created_us = g_get_real_time();
    return file;
}

/* What cannot be removed stays: it is in nobody's way. */
static void
remove_leftovers(int root_fd)
{
    g_autoptr(GPtrArray) names = hf_state_list_names(root_fd, NULL);
    gint64 now_s = g_get_real_time() / G_USEC_PER_SEC;
    struct stat status;

    for (guint i = 0; names != NULL && i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);

        if (g_str_has_prefix(name, HF_STATE_NEW_PREFIX) &&
            fstatat(root_fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            now_s - status.st_mtime > LEFTOVER_S)
            (void)hf_state_remove_tree(root_fd, name, NULL);
    }
}

/* Without RENAME_NOREPLACE, as some file systems are, an empty directory is replaced: it is no
 * container. */
static gboolean
publish(int root_fd, const char *temporary, const char *id, GError **error)
{
    int result = renameat2(root_fd, temporary, root_fd, id, RENAME_NOREPLACE);

    if (result < 0 && (errno == EINVAL || errno == ENOSYS))
        result = renameat(root_fd, temporary, root_fd, id);
    if (result == 0)
        return TRUE;
    if (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR)
        return hf_throw(error, HF_ERROR_EXISTS, "there is one of that id");
    return hf_throw_errno(error, "rename '%s' to '%s'", temporary, id);
}

static gboolean
fill(int root_fd, const char *temporary, const HfContainerFile *file, GError **error)
{
    g_autofree char *json = hf_container_file_to_json(file);
    hf_autofd dir_fd = hf_state_open_dir(root_fd, temporary, temporary, error);

    if (dir_fd < 0)
        return FALSE;
    /* The umask may have taken more away. */
    if (fchmod(dir_fd, 0700) < 0)
        return hf_throw_errno(error, "set the mode of '%s'", temporary);
    return hf_atomic_file_write_at(dir_fd, HF_STATE_CONTAINER, json, strlen(json), 0600, error);
}

static gboolean
make_directory(int root_fd, const char *id, const HfContainerFile *file, GError **error)
{
    g_autofree char *temporary =
        g_strdup_printf("%s%s-%08x", HF_STATE_NEW_PREFIX, id, g_random_int());

    if (mkdirat(root_fd, temporary, 0700) < 0)
        return hf_throw_errno(error, "make the directory '%s'", temporary);
    if (fill(root_fd, temporary, file, error) && publish(root_fd, temporary, id, error))
        return TRUE;
    (void)hf_state_remove_tree(root_fd, temporary, NULL);
    return FALSE;
}

/* A caller's argument is wrong, rather than the state of a container. */
static int
open_root(const char *root, GError **error)
{
    g_autoptr(GError) local = NULL;
    int fd = hf_state_open_root(root, true, &local);

    if (g_error_matches(local, HF_ERROR, HF_ERROR_INVALID_STATE))
        local->code = HF_ERROR_INVALID_ARGUMENT;
    if (local != NULL)
        g_propagate_error(error, g_steal_pointer(&local));
    return fd;
}

HfContainer *
hf_container_new(const char *root, const char *id, const char *bundle, HfContainerOptions *options,
                 GError **error)
{
    g_autofree char *whole_root = NULL;
    g_autofree char *whole_bundle = NULL;
    g_autoptr(HfContainerOptions) chosen = NULL;
    g_autoptr(HfContainerFile) file = NULL;
    hf_autofd root_fd = -1;

    g_return_val_if_fail(id != NULL && bundle != NULL, NULL);
    g_return_val_if_fail(options == NULL || HF_IS_CONTAINER_OPTIONS(options), NULL);
    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    if (!hf_state_check_id("container", id, error))
        return NULL;
    chosen = options != NULL ? g_object_ref(options) : hf_container_options_new();
    whole_root = hf_container_dup_root(root);
    whole_bundle = g_canonicalize_filename(bundle, NULL);
    if (!check_options(chosen, error) || !check_bundle(whole_bundle, error) ||
        (root_fd = open_root(whole_root, error)) < 0)
        return g_prefix_error(error, "container '%s': ", id), NULL;
    remove_leftovers(root_fd);
    file = make_file(whole_bundle, chosen);
    if (!make_directory(root_fd, id, file, error))
        return g_prefix_error(error, "container '%s': ", id), NULL;

    HfContainer *self = hf_container_new_for_file(whole_root, id, g_steal_pointer(&file));
    self->start_timeout_ms = chosen->start_timeout_ms;
    return self;
}
