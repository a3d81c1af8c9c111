/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works.
 *
 * The OCI runtime reads config.json from the bundle, and the bundle is the user's. So there is a
 * second one, in a private temporary directory: the same config.json, with absolute paths and with
 * a seccomp filter that hands over whatever the container calls. The agent's policy is to record
 * and let through. The names in its records are the profile.
 *
 * A runtime loads the filter and hands its descriptor over later: what it calls in between nobody
 * answers yet. runc refuses to have write(2) handed over for that reason, and its language's run
 * time may call a few more at any moment. These are not traced, and always in the profile; programs
 * without them hardly exist. For the same reason "all calls" is a list of names and no default.
 *
 * The agent keeps a lock on the records while it writes them, and lets go of it at its end. The
 * records are read as they come, five times a second, so that their rotation loses none. */

#include <fcntl.h>
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "cli/seccomp-bundle.h"
#include "cli/seccomp-trace.h"

#define INTERVAL_MS 200
#define ERASE_LINE "\r\033[K"
#define LAST_RECORDS_MS 5000
#define RECORDS "seccomp.json"

static const char policy[] = "{\"rules\":[{\"syscalls\":[\"*\"],\"action\":\"log\"}]}";

static const char *const untraced[] = {
    "brk",         "clock_gettime", "clock_nanosleep", "epoll_ctl",    "epoll_pwait", "epoll_wait",
    "futex",       "getpid",        "gettid",          "madvise",      "mmap",        "mprotect",
    "munmap",      "nanosleep",     "rt_sigprocmask",  "rt_sigreturn", "sched_yield", "sendmsg",
    "sigaltstack", "tgkill",        "write",           NULL,
};

struct HfSeccompTrace {
    char *dir;
    char *socket;
    char **monitor_args;
    GHashTable *syscalls;      /* (element-type utf8), a set */
    GHashTable *architectures; /* (element-type utf8), a set */
    guint64 count;
    char *records_path;
    int records_fd;
    GString *line;
    GSource *source;
    gboolean is_shown;
};

HfSeccompTrace *
hf_seccomp_trace_new(const char *bundle, GError **error)
{
    g_autoptr(HfSeccompTrace) self = g_new0(HfSeccompTrace, 1);
    g_autoptr(GStrvBuilder) args = g_strv_builder_new();
    g_autofree char *socket_arg = NULL;
    g_autofree char *policy_path = NULL;
    g_autofree char *policy_arg = NULL;

    self->records_fd = -1;
    self->line = g_string_new(NULL);
    self->syscalls = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    self->architectures = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    self->dir = g_dir_make_tmp("holdfast-trace-XXXXXX", error);
    if (self->dir == NULL)
        return NULL;
    self->socket = g_build_filename(self->dir, "seccomp", NULL);
    socket_arg = g_strconcat("--seccomp-notify-socket=", self->socket, NULL);
    policy_path = g_build_filename(self->dir, "policy.json", NULL);
    policy_arg = g_strconcat("--seccomp-policy=", policy_path, NULL);
    g_strv_builder_add_many(args, socket_arg, policy_arg, NULL);
    self->monitor_args = g_strv_builder_end(args);
    if (!hf_seccomp_bundle_write(self->dir, bundle, self->socket, untraced, error) ||
        !g_file_set_contents(policy_path, policy, -1, error))
        return NULL;
    return g_steal_pointer(&self);
}

static void
remove_dir(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *file = g_build_filename(path, name, NULL);

        (void)g_unlink(file);
    }
    (void)g_rmdir(path);
}

static void
stop_following(HfSeccompTrace *self)
{
    if (self->source == NULL)
        return;
    g_source_destroy(self->source);
    g_clear_pointer(&self->source, g_source_unref);
    if (self->is_shown)
        fputs(ERASE_LINE, stderr);
}

void
hf_seccomp_trace_free(HfSeccompTrace *self)
{
    if (self == NULL)
        return;
    stop_following(self);
    if (self->records_fd >= 0)
        close(self->records_fd);
    if (self->dir != NULL)
        remove_dir(self->dir);
    g_free(self->dir);
    g_free(self->socket);
    g_free(self->records_path);
    g_strfreev(self->monitor_args);
    g_hash_table_unref(self->syscalls);
    g_hash_table_unref(self->architectures);
    g_string_free(self->line, TRUE);
    g_free(self);
}

const char *
hf_seccomp_trace_get_bundle(const HfSeccompTrace *self)
{
    return self->dir;
}

const char *const *
hf_seccomp_trace_get_monitor_args(const HfSeccompTrace *self)
{
    return (const char *const *)self->monitor_args;
}

static void
take_line(HfSeccompTrace *self, const char *line)
{
    g_autoptr(JsonNode) node = json_from_string(line, NULL);
    JsonObject *record =
        node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
    const char *name = NULL;
    const char *arch = NULL;

    if (record == NULL)
        return;
    name = json_object_get_string_member_with_default(record, "syscall", NULL);
    arch = json_object_get_string_member_with_default(record, "arch", NULL);
    if (name == NULL || arch == NULL)
        return;
    g_hash_table_add(self->syscalls, g_strdup(name));
    g_hash_table_add(self->architectures, g_strdup(arch));
    self->count += (guint64)json_object_get_int_member_with_default(record, "count", 0);
}

static void
read_open_file(HfSeccompTrace *self)
{
    char buffer[16384];
    ssize_t length;

    while ((length = read(self->records_fd, buffer, sizeof buffer)) > 0) {
        for (ssize_t i = 0; i < length; i++) {
            if (buffer[i] != '\n') {
                g_string_append_c(self->line, buffer[i]);
                continue;
            }
            take_line(self, self->line->str);
            g_string_truncate(self->line, 0);
        }
    }
}

/* The file that has the name, and before it the rest of one that had it. */
static void
read_records(HfSeccompTrace *self)
{
    int fd;
    GStatBuf now;
    GStatBuf before;

    if (self->records_fd >= 0)
        read_open_file(self);
    if (g_stat(self->records_path, &now) < 0 ||
        (self->records_fd >= 0 && fstat(self->records_fd, &before) == 0 &&
         before.st_ino == now.st_ino && before.st_dev == now.st_dev))
        return;
    fd = open(self->records_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return;
    if (self->records_fd >= 0) {
        read_open_file(self);
        close(self->records_fd);
    }
    self->records_fd = fd;
    read_open_file(self);
}

static gboolean
on_interval(gpointer user_data)
{
    HfSeccompTrace *self = user_data;

    read_records(self);
    if (self->is_shown) {
        fprintf(stderr, ERASE_LINE "%u system calls, %" G_GUINT64_FORMAT " times",
                g_hash_table_size(self->syscalls), self->count);
        fflush(stderr);
    }
    return G_SOURCE_CONTINUE;
}

void
hf_seccomp_trace_follow(HfSeccompTrace *self, HfProcess *process)
{
    self->records_path = g_build_filename(hf_process_get_path(process), RECORDS, NULL);
    self->is_shown = isatty(STDERR_FILENO) != 0;
    self->source = g_timeout_source_new(INTERVAL_MS);
    g_source_set_callback(self->source, on_interval, self, NULL);
    g_source_attach(self->source, NULL);
}

/* The agent has ended when nobody has the file's lock. */
static gboolean
wait_for_last(HfSeccompTrace *self, GError **error)
{
    gint64 deadline_us = g_get_monotonic_time() + LAST_RECORDS_MS * 1000;

    do {
        read_records(self);
        if (self->records_fd >= 0 && flock(self->records_fd, LOCK_EX | LOCK_NB) == 0) {
            read_records(self);
            return TRUE;
        }
        g_usleep(10000);
    } while (g_get_monotonic_time() < deadline_us);
    g_set_error(error, HF_ERROR, HF_ERROR_TIMED_OUT,
                "seccomp trace: holdfast-seccomp-agent goes on writing '%s'", self->records_path);
    return FALSE;
}

static JsonArray *
make_sorted(GHashTable *set, const char *const *more)
{
    g_autoptr(GList) names = NULL;
    JsonArray *array = json_array_new();

    for (; *more != NULL; more++)
        g_hash_table_add(set, g_strdup(*more));
    names = g_list_sort(g_hash_table_get_keys(set), (GCompareFunc)strcmp);
    for (GList *name = names; name != NULL; name = name->next)
        json_array_add_string_element(array, name->data);
    return array;
}

gboolean
hf_seccomp_trace_finish(HfSeccompTrace *self, const char *path, GError **error)
{
    static const char *const none[] = {NULL};
    g_autoptr(JsonNode) root = json_node_new(JSON_NODE_OBJECT);
    g_autofree char *text = NULL;
    g_autofree char *line = NULL;

    stop_following(self);
    if (!wait_for_last(self, error))
        return FALSE;
    json_node_take_object(root,
                          hf_seccomp_bundle_make_filter("SCMP_ACT_ERRNO", "SCMP_ACT_ALLOW",
                                                        make_sorted(self->syscalls, untraced),
                                                        make_sorted(self->architectures, none)));
    text = json_to_string(root, TRUE);
    line = g_strconcat(text, "\n", NULL);
    if (strcmp(path, "-") != 0)
        return g_file_set_contents(path, line, -1, error);
    g_print("%s", line);
    return TRUE;
}
