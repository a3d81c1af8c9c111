/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works: what a session still needs, from its options and from what it has open, as
 * sandbox/sandbox.c wants to know it.
 *
 *   an exit command      is executed at the end and gets all its privileges then: capabilities are
 *                        cut, no filter. Of a user who is not root the process stays dumpable, as
 *                        his engine reads its /proc/PID/exe and environ
 *   an adopted process   is nobody's child here. How it ended is read in /proc, which neither the
 *                        filter nor Landlock would let happen: as above, with CAP_SYS_PTRACE
 *   all else             a filter, and Landlock
 *
 * A log may be a link to somewhere else, and is opened again through it: both its directories are
 * places. */

#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "monitor/session-private.h"

#define LOG_PARENT_DEPTH_MIN 3

static void
on_denial(const char *name, gpointer user_data)
{
    hf_diag(HF_DIAG_ERROR, "the sandbox denied system call %s", name);
}

static void
on_problem(const GError *error, gpointer user_data)
{
    const HfSession *self = user_data;
    bool is_strict = self->options->sandbox_mode == HF_SANDBOX_STRICT;

    hf_diag(is_strict ? HF_DIAG_WARNING : HF_DIAG_INFO, "sandbox: %s", error->message);
}

static void
add_directory_of(HfSession *self, HfPlaceKind kind, const char *path)
{
    g_autofree char *directory = g_path_get_dirname(path);

    hf_sandbox_add_place(self->sandbox, kind, directory);
}

static void
add_fd(HfSession *self, HfPlaceKind kind, int fd)
{
    char path[32];

    (void)g_snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (fd >= 0)
        hf_sandbox_add_place(self->sandbox, kind, path);
}

/* A rule is about a directory as it is, not about its name. One that is removed and made anew is
 * found by the one above, if that is no place that others share: /var/log, a home. */
static void
add_log_directory_of(HfSession *self, const char *path)
{
    g_autofree char *whole = g_canonicalize_filename(path, NULL);
    g_autofree char *directory = g_path_get_dirname(whole);
    g_autofree char *above = g_path_get_dirname(directory);
    guint depth = 0;

    for (const char *c = above; *c != '\0'; c++)
        depth += *c == '/' && c[1] != '\0';
    hf_sandbox_add_place(self->sandbox, HF_PLACE_FILES, directory);
    if (depth >= LOG_PARENT_DEPTH_MIN)
        hf_sandbox_add_place(self->sandbox, HF_PLACE_LATER, above);
}

/* A device or pipe is written to; beside a file others are made. */
static void
add_log(HfSession *self, const char *path)
{
    char *target = realpath(path, NULL);

    hf_sandbox_add_place(self->sandbox, HF_PLACE_FILE, path);
    if (target == NULL || g_file_test(target, G_FILE_TEST_IS_REGULAR))
        add_log_directory_of(self, path);
    if (target != NULL && g_file_test(target, G_FILE_TEST_IS_REGULAR))
        add_log_directory_of(self, target);
    free(target);
}

static void
add_logs(HfSession *self, HfSandboxNeeds *needs)
{
    const HfOptions *o = self->options;

    for (guint i = 0; i < o->log_specs->len; i++) {
        const HfLogSpec *spec = &g_array_index(o->log_specs, HfLogSpec, i);
        bool is_unix =
            spec->path == NULL || spec->path[0] == '\0' || g_str_has_prefix(spec->path, "unix:");

        switch (spec->driver) {
        case HF_LOG_DRIVER_K8S_FILE:
        case HF_LOG_DRIVER_JSON_FILE:
        case HF_LOG_DRIVER_RAW:
            needs->can_fork = needs->can_fork || !o->no_sync_log || o->log_compress;
            add_log(self, spec->path);
            break;
        case HF_LOG_DRIVER_FIFO:
            add_log_directory_of(self, spec->path);
            break;
        case HF_LOG_DRIVER_JOURNALD:
            needs->has_unix_sockets = true;
            break;
        case HF_LOG_DRIVER_SYSLOG:
            needs->has_unix_sockets = needs->has_unix_sockets || is_unix;
            needs->has_inet_sockets = needs->has_inet_sockets || !is_unix;
            break;
        case HF_LOG_DRIVER_NONE:
        case HF_LOG_DRIVER_PASSTHROUGH:
        default:
            break;
        }
    }
}

static void
add_report_places(HfSession *self)
{
    const HfProcessDir *dir = self->owner->process_dir;
    const HfProcessDir *adoption_dir = self->owner->adoption_dir;

    hf_sandbox_add_place(self->sandbox, HF_PLACE_FILES, self->options->exit_dir);
    hf_sandbox_add_place(self->sandbox, HF_PLACE_FILES, self->options->persist_dir);
    add_fd(self, HF_PLACE_FILES, self->bundle_fd);
    if (self->socket_link != NULL)
        add_directory_of(self, HF_PLACE_REMOVAL, self->socket_link);
    if (self->options->seccomp_socket != NULL)
        add_directory_of(self, HF_PLACE_REMOVAL, self->options->seccomp_socket);
    if (dir != NULL)
        add_fd(self, HF_PLACE_FILES, hf_process_dir_get_fd(dir));
    if (adoption_dir == NULL || adoption_dir == dir)
        return;
    add_fd(self, HF_PLACE_FILES, hf_process_dir_get_fd(adoption_dir));
    add_directory_of(self, HF_PLACE_REMOVAL, hf_process_dir_get_path(adoption_dir));
}

/* The next version is beside this one. What it loads before its main() is read and mapped. */
static void
add_program_places(HfSession *self, const HfSandboxNeeds *needs)
{
    static const char *const libraries[] = {
        "/lib",       "/lib32",         "/lib64",           "/usr/lib",
        "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache", "/etc/ld.so.preload",
    };
    g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);

    hf_sandbox_add_place(self->sandbox, HF_PLACE_FILE, "/dev/null");
    if (program != NULL)
        add_directory_of(self, HF_PLACE_PROGRAM, program);
    for (size_t i = 0; needs->loads_libraries && i < G_N_ELEMENTS(libraries); i++)
        hf_sandbox_add_place(self->sandbox, HF_PLACE_PROGRAM, libraries[i]);
}

/* Time stamps follow a change of the time zone: its file is looked at again, and read if it is
 * another (base/clock.c). It is read once now, while nothing is in the way. */
static void
add_time_zone(HfSession *self, HfSandboxNeeds *needs)
{
    const char *zone = g_getenv("TZ");

    if (self->options->log_utc)
        return;
    tzset();
    needs->reads_guarded = true;
    hf_sandbox_add_place(self->sandbox, HF_PLACE_READING, "/etc/localtime");
    hf_sandbox_add_place(self->sandbox, HF_PLACE_READING, "/usr/share/zoneinfo");
    if (zone != NULL)
        hf_sandbox_add_place(self->sandbox, HF_PLACE_READING, zone + (*zone == ':'));
}

/* The descriptors of FIFOs are exchanged for others at the end. */
static void
add_stdio(HfSession *self)
{
    hf_sandbox_add_place(self->sandbox, HF_PLACE_FILE, self->options->stdout_path);
    hf_sandbox_add_place(self->sandbox, HF_PLACE_FILE, self->options->stderr_path);
}

static bool
is_abstract(const char *name)
{
    return name != NULL && *name == '@';
}

/* It may be about to lead a group of its own. */
static void
add_groups(const HfSession *self, HfSandboxNeeds *needs)
{
    pid_t group = getpgid(self->pid);

    needs->groups[0] = self->pid;
    needs->groups[1] = group > 1 && group != getpgrp() ? group : self->pid;
}

static HfSandboxNeeds
find_needs(HfSession *self)
{
    const HfOptions *o = self->options;
    const char *manager = g_getenv("NOTIFY_SOCKET");
    bool is_filtered = o->exit_command == NULL && o->adopt_dir == NULL;
    bool is_upgradable = is_filtered && o->sandbox_mode == HF_SANDBOX_AUTO;
    HfSandboxNeeds needs = {
        .is_filtered = is_filtered,
        .is_upgradable = is_upgradable,
        /* The kernel tells no program where its loader is that has none. */
        .loads_libraries = is_upgradable && getauxval(AT_BASE) != 0,
        .executes = o->exit_command != NULL,
        .stays_dumpable = o->exit_command != NULL && geteuid() != 0,
        .keeps_trace = o->adopt_dir != NULL,
        .has_unix_sockets =
            (is_upgradable && o->use_syslog) || (self->streams.has_terminal && manager != NULL),
        .keeps_abstract_sockets = is_abstract(o->sdnotify_socket) || is_abstract(manager),
    };

    if (self->oom_watch != NULL && hf_oom_watch_get_directory_fd(self->oom_watch) >= 0)
        needs.reads_files = true;
    if (o->timeout_s > 0)
        add_groups(self, &needs);
    return needs;
}

static void
add_places(HfSession *self, HfSandboxNeeds *needs)
{
    add_logs(self, needs);
    add_report_places(self);
    add_stdio(self);
    add_time_zone(self, needs);
    if (needs->reads_files)
        add_fd(self, HF_PLACE_READING, hf_oom_watch_get_directory_fd(self->oom_watch));
    if (needs->is_upgradable)
        add_program_places(self, needs);
}

void
hf_session_confine(HfSession *self)
{
    HfSandboxNeeds needs;

    if (self->options->sandbox_mode == HF_SANDBOX_OFF)
        return;
    needs = find_needs(self);
    if (self->sandbox == NULL)
        self->sandbox = hf_sandbox_new(self->owner->context, on_denial, self);
    /* After an upgrade the kernel has kept what these are for. */
    if (!hf_sandbox_is_filtered(self->sandbox))
        add_places(self, &needs);
    hf_sandbox_confine(self->sandbox, &needs, on_problem, self);
}

void
hf_session_resume_sandbox(HfSession *self)
{
    if (self->state == HF_STATE_RUNNING)
        hf_session_confine(self);
}

void
hf_session_probe_sandbox(const HfSession *self)
{
    hf_sandbox_probe(self->sandbox);
}

const char *
hf_session_get_upgrade_obstacle(const HfSession *self)
{
    if (self->sandbox == NULL || !hf_sandbox_is_filtered(self->sandbox) ||
        hf_sandbox_get_program_fd(self->sandbox) >= 0)
        return NULL;
    return self->options->sandbox_mode == HF_SANDBOX_STRICT
               ? "--sandbox=strict lets nothing be executed any more"
               : "it would load libraries, and without Landlock the sandbox reads no files";
}

int
hf_session_get_program_fd(const HfSession *self)
{
    return self->sandbox != NULL ? hf_sandbox_get_program_fd(self->sandbox) : -1;
}

void
hf_session_save_sandbox(const HfSession *self, HfStateWriter *writer)
{
    if (self->sandbox == NULL)
        return;
    hf_state_begin(writer, "sandbox");
    hf_sandbox_save(self->sandbox, writer);
    hf_state_end(writer);
}

void
hf_session_restore_sandbox(HfSession *self, HfStateReader *reader)
{
    HfStateReader *sandbox = hf_state_open(reader, "sandbox");

    if (sandbox == NULL)
        return;
    self->sandbox = hf_sandbox_new(self->owner->context, on_denial, self);
    hf_sandbox_restore(self->sandbox, sandbox);
}
