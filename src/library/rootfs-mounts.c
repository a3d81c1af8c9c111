/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How a root file system is mounted, and unmounted by somebody else later.
 *
 * The directory that the bundle's config.json names may be a mount of its own before ours come. So
 * the id of the mount it is in is noted first, in state.json together with the list; then each
 * mount is made. Whoever undoes it unmounts, at most as many times as there are mounts in the list,
 * until the directory is in the mount that was noted. A caller killed anywhere in between leaves a
 * state that this rule undoes. A loader in another mount namespace finds other ids, and what its
 * copy of the mounts has; there umount2(2) says EINVAL where there is none.
 *
 * An object may have been loaded before another program made or undid mounts: what is done follows
 * state.json as it is under the container's lock, and the object's copy is brought up to it first.
 *
 * The path that is noted has no symbolic link in it. The target is held as a descriptor, and
 * mounted on by its name in /proc/self/fd, so that nobody can exchange it for a link in between. It
 * is opened anew for each mount, which finds what was mounted last. */

#include <errno.h>
#include <fcntl.h>
#include <holdfast/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/io.h"
#include "library/container-private.h"
#include "library/rootfs-mounts.h"

typedef struct {
    const char *name;
    unsigned long set;
    unsigned long clear;
    unsigned long propagation;
} Option;

static const Option options_of_mount[] = {
    {"async", 0, MS_SYNCHRONOUS, 0},
    {"atime", 0, MS_NOATIME, 0},
    {"bind", MS_BIND, 0, 0},
    {"defaults", 0, 0, 0},
    {"dev", 0, MS_NODEV, 0},
    {"diratime", 0, MS_NODIRATIME, 0},
    {"dirsync", MS_DIRSYNC, 0, 0},
    {"exec", 0, MS_NOEXEC, 0},
    {"mand", MS_MANDLOCK, 0, 0},
    {"noatime", MS_NOATIME, 0, 0},
    {"nodev", MS_NODEV, 0, 0},
    {"nodiratime", MS_NODIRATIME, 0, 0},
    {"noexec", MS_NOEXEC, 0, 0},
    {"nomand", 0, MS_MANDLOCK, 0},
    {"norelatime", 0, MS_RELATIME, 0},
    {"nostrictatime", 0, MS_STRICTATIME, 0},
    {"nosuid", MS_NOSUID, 0, 0},
    {"private", 0, 0, MS_PRIVATE},
    {"rbind", MS_BIND | MS_REC, 0, 0},
    {"relatime", MS_RELATIME, 0, 0},
    {"ro", MS_RDONLY, 0, 0},
    {"rprivate", 0, 0, MS_PRIVATE | MS_REC},
    {"rshared", 0, 0, MS_SHARED | MS_REC},
    {"rslave", 0, 0, MS_SLAVE | MS_REC},
    {"runbindable", 0, 0, MS_UNBINDABLE | MS_REC},
    {"rw", 0, MS_RDONLY, 0},
    {"shared", 0, 0, MS_SHARED},
    {"slave", 0, 0, MS_SLAVE},
    {"strictatime", MS_STRICTATIME, 0, 0},
    {"suid", 0, MS_NOSUID, 0},
    {"sync", MS_SYNCHRONOUS, 0, 0},
    {"unbindable", 0, 0, MS_UNBINDABLE},
};

static const Option *
find_option(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(options_of_mount); i++) {
        if (g_str_equal(options_of_mount[i].name, name))
            return &options_of_mount[i];
    }
    return NULL;
}

char *
hf_rootfs_parse_options(const char *const *options, unsigned long *out_flags,
                        unsigned long *out_propagation)
{
    g_autoptr(GPtrArray) data = g_ptr_array_new();
    unsigned long flags = 0;
    unsigned long propagation = 0;

    for (gsize i = 0; options[i] != NULL; i++) {
        const Option *option = find_option(options[i]);

        if (option == NULL) {
            g_ptr_array_add(data, (gpointer)options[i]);
            continue;
        }
        flags = (flags & ~option->clear) | option->set;
        if (option->propagation != 0)
            propagation = option->propagation;
    }
    g_ptr_array_add(data, NULL);
    *out_flags = flags;
    *out_propagation = propagation;
    return g_strjoinv(",", (char **)data->pdata);
}

/* An O_PATH descriptor of the directory that the mounts go to. */
static int
open_rootfs(const char *rootfs, GError **error)
{
    int fd = open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        hf_throw_errno(error, "open root file system '%s'", rootfs);
    return fd;
}

static gboolean
read_mount_id(int fd, guint64 *out_id, GError **error)
{
    g_autofree char *path = g_strdup_printf("/proc/self/fdinfo/%d", fd);
    g_autofree char *text = hf_io_read_file_at(AT_FDCWD, path, 65536, NULL, error);
    const char *line = NULL;

    if (text == NULL)
        return FALSE;
    line = strstr(text, "mnt_id:");
    if (line == NULL)
        return hf_throw(error, HF_ERROR_NOT_SUPPORTED, "'%s' does not tell the mount", path);
    *out_id = g_ascii_strtoull(line + strlen("mnt_id:"), NULL, 10);
    return TRUE;
}

static unsigned long
get_type_flags(const char *type)
{
    if (g_strcmp0(type, "rbind") == 0)
        return MS_BIND | MS_REC;
    return g_strcmp0(type, "bind") == 0 ? MS_BIND : 0;
}

static gboolean
mount_one(const char *rootfs, const HfMountEntry *entry, GError **error)
{
    hf_autofd fd = open_rootfs(rootfs, error);
    unsigned long flags = 0;
    unsigned long propagation = 0;
    g_autofree char *data = NULL;
    char target[64];

    if (fd < 0)
        return FALSE;
    data = hf_rootfs_parse_options((const char *const *)entry->options, &flags, &propagation);
    flags |= get_type_flags(entry->type);
    g_snprintf(target, sizeof target, "/proc/self/fd/%d", fd);
    if (mount(entry->source, target, flags & MS_BIND ? NULL : entry->type, flags, data) < 0)
        return hf_throw_errno(error, "mount %s '%s' on '%s'", entry->type,
                              entry->source != NULL ? entry->source : "none", rootfs);

    hf_close_fd(&fd);
    fd = open_rootfs(rootfs, error);
    if (fd < 0)
        return FALSE;
    g_snprintf(target, sizeof target, "/proc/self/fd/%d", fd);
    /* The kernel takes the other flags of a bind mount in a second call only. */
    if ((flags & MS_BIND) != 0 && (flags & ~(unsigned long)(MS_BIND | MS_REC)) != 0 &&
        mount(NULL, target, NULL, MS_REMOUNT | flags, NULL) < 0)
        return hf_throw_errno(error, "set the options of the mount on '%s'", rootfs);
    if (propagation != 0 && mount(NULL, target, NULL, propagation, NULL) < 0)
        return hf_throw_errno(error, "set the propagation of the mount on '%s'", rootfs);
    return TRUE;
}

static HfMountEntry *
make_entry(HfMount *mount)
{
    HfMountEntry *entry = g_new0(HfMountEntry, 1);

    entry->type = g_strdup(hf_mount_get_fs_type(mount));
    entry->source = g_strdup(hf_mount_get_source(mount));
    entry->options = g_strdupv((char **)hf_mount_get_options(mount));
    return entry;
}

/* The absolute path of the bundle's root.path. */
static char *
find_rootfs(HfContainer *container, GError **error)
{
    g_autoptr(HfSpec) spec = hf_container_load_spec(container, error);
    g_autofree char *path = NULL;

    if (spec == NULL)
        return NULL;
    path = hf_spec_dup_rootfs(spec);
    if (path == NULL)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                        "the bundle's config.json has no root.path to mount on"),
               NULL;
    return g_canonicalize_filename(path, hf_container_get_bundle(container));
}

/* The path without links of what @fd is. */
static char *
read_path(int fd, GError **error)
{
    g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);

    return g_file_read_link(link, error);
}

/* Notes in state.json what is about to be mounted. */
static gboolean
note_mounts(HfContainer *container, GPtrArray *mounts, GError **error)
{
    g_autofree char *named = find_rootfs(container, error);
    hf_autofd fd = named != NULL ? open_rootfs(named, error) : -1;
    g_autofree char *rootfs = fd >= 0 ? read_path(fd, error) : NULL;
    guint64 mount_id = 0;

    if (rootfs == NULL || !read_mount_id(fd, &mount_id, error))
        return FALSE;
    g_free(container->file->rootfs);
    container->file->rootfs = g_steal_pointer(&rootfs);
    container->file->rootfs_mount_id = mount_id;
    for (guint i = 0; i < mounts->len; i++)
        g_ptr_array_add(container->file->mounts, make_entry(g_ptr_array_index(mounts, i)));
    return hf_container_save(container, error);
}

/* Nothing else of the file changes after it was made. */
static gboolean
refresh(HfContainer *container, GError **error)
{
    HfContainerFile *file = container->file;
    hf_autofd dir_fd = hf_container_open(container, error);
    g_autoptr(HfContainerFile) now = dir_fd >= 0 ? hf_container_read_file(dir_fd, error) : NULL;

    if (now == NULL)
        return FALSE;
    g_ptr_array_unref(file->mounts);
    file->mounts = g_ptr_array_ref(now->mounts);
    g_free(file->rootfs);
    file->rootfs = g_steal_pointer(&now->rootfs);
    file->rootfs_mount_id = now->rootfs_mount_id;
    return TRUE;
}

gboolean
hf_rootfs_mount(HfContainer *container, GPtrArray *mounts, GError **error)
{
    HfContainerFile *file = container->file;

    if (mounts == NULL || mounts->len == 0)
        return TRUE;
    /* A start that failed or was killed may have left its own. */
    if (!hf_rootfs_unmount(container, error) || !note_mounts(container, mounts, error))
        return FALSE;
    for (guint i = 0; i < file->mounts->len; i++) {
        if (!mount_one(file->rootfs, g_ptr_array_index(file->mounts, i), error)) {
            (void)hf_rootfs_unmount(container, NULL);
            return FALSE;
        }
    }
    return TRUE;
}

/* Unmounts what is on top of @rootfs, unless that is the mount @base_id. */
static gboolean
unmount_one(const char *rootfs, guint64 base_id, gboolean *out_is_base, GError **error)
{
    guint64 mount_id = 0;
    hf_autofd fd = open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT) {
        *out_is_base = TRUE;
        return TRUE;
    }
    if (fd < 0)
        return hf_throw_errno(error, "open root file system '%s'", rootfs);
    if (!read_mount_id(fd, &mount_id, error))
        return FALSE;
    hf_close_fd(&fd);
    *out_is_base = mount_id == base_id;
    if (*out_is_base || umount2(rootfs, UMOUNT_NOFOLLOW | MNT_DETACH) == 0)
        return TRUE;
    if (errno == EINVAL) {
        *out_is_base = TRUE;
        return TRUE;
    }
    return hf_throw_errno(error, "unmount root file system '%s'", rootfs);
}

gboolean
hf_rootfs_unmount(HfContainer *container, GError **error)
{
    HfContainerFile *file = container->file;
    gboolean is_base = FALSE;

    if (!refresh(container, error))
        return FALSE;
    if (file->mounts->len == 0)
        return TRUE;
    for (guint i = 0; i < file->mounts->len && file->rootfs != NULL && !is_base; i++) {
        if (!unmount_one(file->rootfs, file->rootfs_mount_id, &is_base, error))
            return FALSE;
    }
    g_ptr_array_set_size(file->mounts, 0);
    g_clear_pointer(&file->rootfs, g_free);
    file->rootfs_mount_id = 0;
    return hf_container_save(container, error);
}
