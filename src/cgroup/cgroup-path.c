/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works
 *
 * A line of /proc/PID/cgroup is HIERARCHY:CONTROLLERS:PATH. Hierarchy 0 without controllers is the
 * unified one (v2); every other line is a v1 hierarchy, named by the controllers mounted together
 * ("cpu,cpuacct") or by a name ("name=systemd"). A controller is in one hierarchy at a time, so a
 * v1 line that has it settles the matter, also on hybrids. PATH is raw: it may hold ':' and blanks,
 * never a newline.
 *
 * A line of mountinfo is "ID PARENT MAJ:MIN ROOT MOUNTPOINT OPTIONS [TAGS...] - TYPE SOURCE
 * SUPEROPTIONS", with blanks, tabs, newlines and backslashes in octal (\040). ROOT is the cgroup
 * that is to be seen at MOUNTPOINT. It is "/" on a host, and something else where a part of the
 * hierarchy was bind-mounted into a container.
 *
 * The kernel shows both PATH and ROOT relative to the reader's cgroup namespace, and starts them
 * with "/.." for what lies outside of it. So the two compare as texts, part by part: the cgroup's
 * directory is MOUNTPOINT plus what PATH has beyond ROOT. If ".." is left over in that, the mount
 * does not reach the cgroup.
 *
 * A hierarchy may be mounted several times: the first mount that reaches the cgroup is taken,
 * unless another cgroup mount lies on top of it. */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "base/error.h"
#include "base/io.h"
#include "cgroup/cgroup-path.h"

#define PROC_CGROUP_MAX (64 * 1024)

/* What comes before the "-" of a mountinfo line, without the tags */
enum {
    FIELD_ID,
    FIELD_PARENT,
    FIELD_DEVICE,
    FIELD_ROOT,
    FIELD_MOUNT_POINT,
    FIELD_OPTIONS,
    FIELD_TAGS,
};

typedef struct {
    char *id;
    char *parent;
    char *root;
    char *mount_point;
    char *type;
    char *super_options;
} Mount;

static void
mount_free(Mount *self)
{
    g_free(self->id);
    g_free(self->parent);
    g_free(self->root);
    g_free(self->mount_point);
    g_free(self->type);
    g_free(self->super_options);
    g_free(self);
}

static bool
is_octal(char c)
{
    return c >= '0' && c <= '7';
}

static char *
unescape(const char *text)
{
    GString *plain = g_string_new(NULL);

    while (*text != '\0') {
        if (text[0] == '\\' && is_octal(text[1]) && is_octal(text[2]) && is_octal(text[3])) {
            g_string_append_c(plain,
                              (char)((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0')));
            text += 4;
        } else {
            g_string_append_c(plain, *text++);
        }
    }
    return g_string_free(plain, FALSE);
}

/* NULL for a line that is none. */
static Mount *
parse_mount(const char *line)
{
    g_auto(GStrv) fields = g_strsplit(line, " ", -1);
    guint count = g_strv_length(fields);
    guint dash = FIELD_TAGS;
    Mount *mount;

    while (dash < count && strcmp(fields[dash], "-") != 0)
        dash++;
    if (dash + 3 >= count)
        return NULL;

    mount = g_new0(Mount, 1);
    mount->id = g_strdup(fields[FIELD_ID]);
    mount->parent = g_strdup(fields[FIELD_PARENT]);
    mount->root = unescape(fields[FIELD_ROOT]);
    mount->mount_point = unescape(fields[FIELD_MOUNT_POINT]);
    mount->type = g_strdup(fields[dash + 1]);
    mount->super_options = g_strdup(fields[dash + 3]);
    return mount;
}

/* (element-type Mount) (transfer full) */
static GPtrArray *
parse_mounts(const char *mountinfo)
{
    GPtrArray *mounts = g_ptr_array_new_with_free_func((GDestroyNotify)mount_free);
    g_auto(GStrv) lines = g_strsplit(mountinfo, "\n", -1);

    for (char **line = lines; *line != NULL; line++) {
        Mount *mount = parse_mount(*line);

        if (mount != NULL && *mount->mount_point == '/' &&
            (strcmp(mount->type, "cgroup") == 0 || strcmp(mount->type, "cgroup2") == 0))
            g_ptr_array_add(mounts, mount);
        else if (mount != NULL)
            mount_free(mount);
    }
    return mounts;
}

static bool
is_covered(const Mount *mount, const GPtrArray *mounts)
{
    for (guint i = 0; i < mounts->len; i++) {
        const Mount *other = g_ptr_array_index(mounts, i);

        if (other != mount && strcmp(other->parent, mount->id) == 0 &&
            strcmp(other->mount_point, mount->mount_point) == 0)
            return true;
    }
    return false;
}

static bool
list_has(const char *comma_separated, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = comma_separated; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, word, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    }
    return false;
}

static bool
has_dot_dot(const char *path)
{
    for (const char *at = strstr(path, "/.."); at != NULL; at = strstr(at + 1, "/.."))
        if (at[3] == '/' || at[3] == '\0')
            return true;
    return false;
}

/* What @path has beyond @root: "" or "/..."; NULL if the mount does not reach it. */
static const char *
path_below(const char *path, const char *root)
{
    size_t length = strcmp(root, "/") == 0 ? 0 : strlen(root);
    const char *rest = path + length;

    if (strncmp(path, root, length) != 0 || (*rest != '/' && *rest != '\0') || has_dot_dot(rest))
        return NULL;
    return strcmp(rest, "/") == 0 ? "" : rest;
}

/* @controller NULL: the unified hierarchy. */
static char *
find_directory(const GPtrArray *mounts, const char *path, const char *controller)
{
    const char *type = controller == NULL ? "cgroup2" : "cgroup";

    for (guint i = 0; i < mounts->len; i++) {
        const Mount *mount = g_ptr_array_index(mounts, i);
        const char *rest = path_below(path, mount->root);

        if (rest == NULL || strcmp(mount->type, type) != 0 ||
            (controller != NULL && !list_has(mount->super_options, controller)) ||
            is_covered(mount, mounts))
            continue;
        return g_strconcat(mount->mount_point, rest, NULL);
    }
    return NULL;
}

/* Splits a line of /proc/PID/cgroup in place. */
static gboolean
split_cgroup_line(char *line, const char **out_controllers, const char **out_path, GError **error)
{
    char *first = strchr(line, ':');
    char *second = first == NULL ? NULL : strchr(first + 1, ':');

    if (second == NULL || second[1] != '/')
        return hf_throw(error, HF_ERROR_PROTOCOL, "'%s' is no line of /proc/PID/cgroup", line);
    *second = '\0';
    *out_controllers = first + 1;
    *out_path = second + 1;
    return TRUE;
}

static const char *
show_controller(const char *controller)
{
    return controller == NULL ? "unified" : controller;
}

/* The path in the hierarchy that has @controller; *@out_version says which kind that is. */
static char *
find_path(const char *proc_cgroup, const char *controller, HfCgroupVersion *out_version,
          GError **error)
{
    g_auto(GStrv) lines = g_strsplit(proc_cgroup, "\n", -1);
    const char *unified = NULL;

    for (char **line = lines; *line != NULL; line++) {
        bool is_unified = g_str_has_prefix(*line, "0::");
        const char *controllers = NULL;
        const char *path = NULL;

        if (**line == '\0')
            continue;
        if (!split_cgroup_line(*line, &controllers, &path, error))
            return NULL;
        if (is_unified) {
            unified = path;
        } else if (controller != NULL && list_has(controllers, controller)) {
            *out_version = HF_CGROUP_V1;
            return g_strdup(path);
        }
    }
    if (unified == NULL)
        return hf_throw(error, HF_ERROR_NOT_FOUND, "no cgroup hierarchy has '%s'",
                        show_controller(controller)),
               NULL;
    *out_version = HF_CGROUP_V2;
    return g_strdup(unified);
}

char *
hf_cgroup_path_resolve(const char *proc_cgroup, const char *mountinfo, const char *controller,
                       HfCgroupVersion *out_version, GError **error)
{
    HfCgroupVersion version = HF_CGROUP_V2;
    g_autofree char *path = NULL;
    g_autoptr(GPtrArray) mounts = NULL;
    char *directory;

    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    path = find_path(proc_cgroup, controller, &version, error);
    if (path == NULL)
        return NULL;
    mounts = parse_mounts(mountinfo);
    directory = find_directory(mounts, path, version == HF_CGROUP_V1 ? controller : NULL);
    if (directory == NULL)
        return hf_throw(error, HF_ERROR_NOT_FOUND, "no mount reaches cgroup '%s' for '%s'", path,
                        show_controller(controller)),
               NULL;
    *out_version = version;
    return directory;
}

/* The whole of mountinfo can be megabytes on a busy host, and is never held at once. */
char *
hf_cgroup_path_read_mounts(GError **error)
{
    FILE *file = fopen("/proc/self/mountinfo", "re");
    g_autoptr(GString) text = g_string_new(NULL);
    char *line = NULL;
    size_t size = 0;
    int read_errno;

    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    if (file == NULL)
        return hf_throw_errno(error, "open '/proc/self/mountinfo'"), NULL;
    while (getline(&line, &size, file) > 0)
        if (strstr(line, " - cgroup") != NULL)
            g_string_append(text, line);
    read_errno = ferror(file) ? errno : 0;
    free(line);
    (void)fclose(file);
    if (read_errno != 0)
        return hf_throw_errnum(error, read_errno, "read '/proc/self/mountinfo'"), NULL;
    return g_string_free(g_steal_pointer(&text), FALSE);
}

char *
hf_cgroup_path_read_process(pid_t pid, GError **error)
{
    g_autofree char *name = g_strdup_printf("/proc/%d/cgroup", (int)pid);

    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    return hf_io_read_file_at(AT_FDCWD, name, PROC_CGROUP_MAX, NULL, error);
}

char *
hf_cgroup_path_of_process(pid_t pid, const char *controller, HfCgroupVersion *out_version,
                          GError **error)
{
    g_autofree char *mountinfo = NULL;
    g_autofree char *proc_cgroup = NULL;

    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    proc_cgroup = hf_cgroup_path_read_process(pid, error);
    if (proc_cgroup == NULL)
        return NULL;
    mountinfo = hf_cgroup_path_read_mounts(error);
    if (mountinfo == NULL)
        return NULL;
    return hf_cgroup_path_resolve(proc_cgroup, mountinfo, controller, out_version, error);
}
