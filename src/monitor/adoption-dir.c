/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic-file.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/io.h"
#include "monitor/adoption-dir.h"
#include "protocol/state-names.h"

/* How this works.
 *
 * PARENT/ID has what a process directory has of the monitor and its process (lock, monitor.pid,
 * pid, starttime, oom, streams.json), and the monitor's arguments, environment and working
 * directory, each string with a NUL behind it. PARENT is --adoption-dir, or .monitors below the
 * root that libholdfast uses. It exists from before the runtime is run until everything is
 * reported, so that what is found there is a session that is not over.
 *
 * Whoever adopts executes the program again with the old arguments: /proc/PID/cmdline and environ
 * are then what the engine expects to find there, and no second way of parsing exists. The engine's
 * pipes are gone, so the variables that name them are not kept; those by which a service manager
 * hands descriptors over are the adopter's own. */

#define ROOT_DIR "/run/holdfast"
#define PARENT_NAME ".monitors"
#define ADOPT "--adopt="
#define FILE_MODE 0600
#define TEXT_MAX (16 * 1024 * 1024)

/* `cwd` is the last to be written and the first to go: with it the session has begun, and is not
 * over. */
static const char *const session_files[] = {
    HF_STATE_CWD,         HF_STATE_ARGV,          HF_STATE_ENVIRON, HF_STATE_PID,
    HF_STATE_START_TIME,  HF_STATE_OOM,           HF_STATE_ENDING,  HF_STATE_STREAMS,
    HF_STATE_MONITOR_PID, HF_STATE_MONITOR_START, HF_STATE_JOURNAL, HF_STATE_MONITOR_VERSION,
    HF_STATE_UPGRADE,
};

/* NULL: there is no place for it. */
static char *
get_parent(const HfOptions *o)
{
    const char *runtime_dir = g_getenv("XDG_RUNTIME_DIR");

    if (o->adoption_dir != NULL)
        return g_strdup(o->adoption_dir);
    if (geteuid() == 0)
        return g_build_filename(ROOT_DIR, PARENT_NAME, NULL);
    if (runtime_dir == NULL || *runtime_dir != '/')
        return NULL;
    return g_build_filename(runtime_dir, "holdfast", PARENT_NAME, NULL);
}

static void
remove_files(const HfProcessDir *dir)
{
    for (size_t i = 0; i < G_N_ELEMENTS(session_files); i++)
        (void)unlinkat(hf_process_dir_get_fd(dir), session_files[i], 0);
}

/* A file that was about to take the place of one of ours when its writer was killed. */
static bool
is_unfinished(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(session_files); i++) {
        if (hf_atomic_file_is_unfinished(name, session_files[i]))
            return true;
    }
    return false;
}

static void
remove_unfinished(const HfProcessDir *dir)
{
    hf_autofd fd =
        openat(hf_process_dir_get_fd(dir), ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *names = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;

    if (names == NULL)
        return;
    (void)hf_steal_fd(&fd);
    while ((entry = readdir(names)) != NULL) {
        if (is_unfinished(entry->d_name))
            (void)unlinkat(dirfd(names), entry->d_name, 0);
    }
    (void)closedir(names);
}

static bool
is_left_out(const char *variable)
{
    static const char *const names[] = {
        "_OCI_STARTPIPE=", "_OCI_SYNCPIPE=", "_OCI_ATTACHPIPE=",
        "LISTEN_FDS=",     "LISTEN_PID=",    "LISTEN_FDNAMES=",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_str_has_prefix(variable, names[i]))
            return true;
    }
    return false;
}

/* Copies /proc/self/@from, strings with a NUL behind each. */
static gboolean
keep_strings(const HfProcessDir *dir, const char *from, const char *name, GError **error)
{
    g_autoptr(GString) kept = g_string_new(NULL);
    size_t length = 0;
    g_autofree char *text = hf_io_read_file_at(AT_FDCWD, from, TEXT_MAX, &length, error);

    if (text == NULL)
        return FALSE;
    for (size_t at = 0; at < length; at += strlen(text + at) + 1) {
        if (!is_left_out(text + at))
            g_string_append_len(kept, text + at, (gssize)strlen(text + at) + 1);
    }
    return hf_atomic_file_write_at(hf_process_dir_get_fd(dir), name, kept->str, kept->len,
                                   FILE_MODE, error);
}

static gboolean
keep_command(const HfProcessDir *dir, GError **error)
{
    g_autofree char *cwd = g_get_current_dir();

    return keep_strings(dir, "/proc/self/cmdline", HF_STATE_ARGV, error) &&
           keep_strings(dir, "/proc/self/environ", HF_STATE_ENVIRON, error) &&
           hf_atomic_file_write_at(hf_process_dir_get_fd(dir), HF_STATE_CWD, cwd, strlen(cwd) + 1,
                                   FILE_MODE, error);
}

HfProcessDir *
hf_adoption_dir_make(const HfOptions *options, GError **error)
{
    g_autofree char *parent = get_parent(options);
    g_autofree char *path = NULL;
    g_autoptr(HfProcessDir) dir = NULL;

    if (parent == NULL)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                        "--adoptable needs --adoption-dir where XDG_RUNTIME_DIR is not set"),
               NULL;
    path = g_build_filename(parent, hf_options_get_session_id(options), NULL);
    if (g_mkdir_with_parents(path, 0700) < 0)
        return hf_throw_errno(error, "make '%s'", path), NULL;
    dir = hf_process_dir_new(path, error);
    if (dir == NULL)
        return NULL;
    remove_files(dir);
    if (!keep_command(dir, error)) {
        hf_adoption_dir_remove(dir);
        return NULL;
    }
    return g_steal_pointer(&dir);
}

void
hf_adoption_dir_remove(HfProcessDir *dir)
{
    remove_files(dir);
    (void)unlinkat(hf_process_dir_get_fd(dir), HF_STATE_LOCK, 0);
    if (rmdir(hf_process_dir_get_path(dir)) == 0 || errno != ENOTEMPTY)
        return;
    remove_unfinished(dir);
    (void)rmdir(hf_process_dir_get_path(dir));
}

static GPtrArray *
read_strings(int dir_fd, const char *name, GError **error)
{
    g_autoptr(GPtrArray) strings = g_ptr_array_new_with_free_func(g_free);
    size_t length = 0;
    g_autofree char *text = hf_io_read_file_at(dir_fd, name, TEXT_MAX, &length, error);

    if (text == NULL)
        return NULL;
    for (size_t at = 0; at < length; at += strlen(text + at) + 1)
        g_ptr_array_add(strings, g_strdup(text + at));
    if (strings->len == 0)
        return hf_throw(error, HF_ERROR_PROTOCOL, "'%s' is empty", name), NULL;
    return g_steal_pointer(&strings);
}

/* The variables by which descriptors were handed to this program. */
static void
add_own_listen(GPtrArray *environment)
{
    static const char *const names[] = {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"};

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_getenv(names[i]) != NULL)
            g_ptr_array_add(environment, g_strconcat(names[i], "=", g_getenv(names[i]), NULL));
    }
}

/* An argument that asked for an adoption before is not kept. */
static void
replace_adopt(GPtrArray *argv, const char *path)
{
    for (guint i = argv->len; i > 0; i--) {
        if (g_str_has_prefix(g_ptr_array_index(argv, i - 1), ADOPT))
            g_ptr_array_remove_index(argv, i - 1);
    }
    g_ptr_array_insert(argv, 1, g_strconcat(ADOPT, path, NULL));
    g_ptr_array_add(argv, NULL);
}

/* Of a monitor that was killed before it began, or when all was done. */
static gboolean
clear_remains(const char *path, GError **error)
{
    g_autoptr(HfProcessDir) dir = hf_process_dir_new_left(path, error);

    if (dir == NULL)
        return FALSE;
    hf_adoption_dir_remove(dir);
    return TRUE;
}

gboolean
hf_adoption_dir_execute(const char *path, GError **error)
{
    g_autofree char *whole_path = g_canonicalize_filename(path, NULL);
    g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
    g_autoptr(GPtrArray) argv = NULL;
    g_autoptr(GPtrArray) environment = NULL;
    g_autoptr(GPtrArray) cwd = NULL;
    hf_autofd dir_fd = open(whole_path, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (dir_fd < 0)
        return hf_throw_errno(error, "open '%s'", whole_path);
    if (faccessat(dir_fd, HF_STATE_CWD, F_OK, 0) < 0 && errno == ENOENT)
        return clear_remains(whole_path, error);
    if ((argv = read_strings(dir_fd, HF_STATE_ARGV, error)) == NULL ||
        (environment = read_strings(dir_fd, HF_STATE_ENVIRON, error)) == NULL ||
        (cwd = read_strings(dir_fd, HF_STATE_CWD, error)) == NULL) {
        g_prefix_error(error, "'%s': ", whole_path);
        return FALSE;
    }
    add_own_listen(environment);
    g_ptr_array_add(environment, NULL);
    replace_adopt(argv, whole_path);
    /* Its paths may all be absolute, and the directory gone. */
    (void)!chdir(g_ptr_array_index(cwd, 0));
    (void)execve(program != NULL ? program : "/proc/self/exe", (char **)argv->pdata,
                 (char **)environment->pdata);
    return hf_throw_errno(error, "execute '%s'", program);
}
