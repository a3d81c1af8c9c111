/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake-runtime.h"

char *
fake_state_path(const FakeRequest *request, const char *name)
{
    const char *root = request->root != NULL ? request->root : g_getenv("FAKE_RUNTIME_ROOT");
    g_autofree char *fallback = g_strdup_printf("/tmp/fake-runtime-%u", (unsigned)getuid());

    return g_build_filename(root == NULL ? fallback : root, request->container_id, name, NULL);
}

/* With the temporary files of a runtime that was killed. */
static void
remove_dir(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *file = g_build_filename(path, name, NULL);
        (void)unlink(file);
    }
    (void)rmdir(path);
}

/* Where the state is before it is whole; what a runtime that was killed left there goes with the
 * next one or by `delete`. */
static char *
get_unfinished_path(const FakeRequest *request)
{
    g_autofree char *dir = fake_state_path(request, NULL);

    return g_strconcat(dir, ".unfinished", NULL);
}

void
fake_state_save(const FakeRequest *request, pid_t pid)
{
    g_autofree char *dir = fake_state_path(request, NULL);
    g_autofree char *unfinished = get_unfinished_path(request);
    g_autofree char *pid_path = g_build_filename(unfinished, "pid", NULL);
    g_autofree char *bundle_path = g_build_filename(unfinished, "bundle", NULL);
    g_autofree char *pid_text = g_strdup_printf("%d", (int)pid);
    g_autofree char *bundle =
        g_canonicalize_filename(request->bundle == NULL ? "." : request->bundle, NULL);

    remove_dir(dir);
    (void)g_mkdir_with_parents(unfinished, 0700);
    if (!g_file_set_contents(pid_path, pid_text, -1, NULL) ||
        !g_file_set_contents(bundle_path, bundle, -1, NULL) || rename(unfinished, dir) < 0)
        fake_die("fake-runtime: save state in %s: %m", dir);
}

char *
fake_state_bundle(const FakeRequest *request)
{
    char *bundle = NULL;

    if (request->container_id == NULL)
        return NULL;
    g_autofree char *path = fake_state_path(request, "bundle");
    (void)g_file_get_contents(path, &bundle, NULL, NULL);
    return bundle;
}

static pid_t
load_pid(const FakeRequest *request)
{
    g_autofree char *path = fake_state_path(request, "pid");
    g_autofree char *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        fake_die("container \"%s\" does not exist", request->container_id);
    return (pid_t)atoi(text);
}

/* The letter /proc has for the process: a zombie is no running container. */
static bool
is_alive(pid_t pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid);
    g_autofree char *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return false;
    const char *name_end = strrchr(text, ')');
    return name_end != NULL && name_end[2] != 'Z' && name_end[2] != 'X';
}

static void
start(const FakeRequest *request, pid_t pid)
{
    g_autofree char *bundle = fake_state_bundle(request);
    g_autofree char *path = fake_start_fifo_path(bundle);
    int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT)
        fake_die("cannot start a container that has been started");
    if (fd < 0 || write(fd, "", 1) != 1)
        fake_die("cannot start a container that has stopped");
    (void)close(fd);
    (void)unlink(path);
}

static void
print_state(const FakeRequest *request, pid_t pid)
{
    g_autofree char *bundle = fake_state_bundle(request);
    g_autofree char *path = fake_start_fifo_path(bundle);
    const char *status = access(path, F_OK) == 0 ? "created" : "running";

    if (!is_alive(pid)) {
        status = "stopped";
        pid = 0;
    }
    (void)printf("{\"ociVersion\":\"1.0.2\",\"id\":\"%s\",\"status\":\"%s\",\"pid\":%d,"
                 "\"bundle\":\"%s\"}\n",
                 request->container_id, status, (int)pid, bundle);
}

static int
parse_signal(const char *name)
{
    if (name == NULL)
        return SIGTERM;
    if (g_ascii_isdigit(name[0]))
        return atoi(name);
    if (g_str_has_prefix(name, "SIG"))
        name += strlen("SIG");
    for (int number = 1; number < NSIG; number++) {
        if (g_strcmp0(sigabbrev_np(number), name) == 0)
            return number;
    }
    fake_die("unknown signal \"%s\"", name);
}

static void
send_signal(pid_t pid, int signal_number)
{
    if (!is_alive(pid) || kill(pid, signal_number) < 0)
        fake_die("container not running");
}

static void
remove_container(const FakeRequest *request, pid_t pid)
{
    g_autofree char *bundle = fake_state_bundle(request);
    g_autofree char *fifo = fake_start_fifo_path(bundle);
    g_autofree char *dir = fake_state_path(request, NULL);

    if (is_alive(pid)) {
        if (!request->is_forced && access(fifo, F_OK) < 0)
            fake_die("cannot delete container %s that is not stopped: running",
                     request->container_id);
        (void)kill(pid, SIGKILL);
    }
    (void)unlink(fifo);
    remove_dir(dir);
}

void
fake_state_action(const FakeRequest *request)
{
    if (request->container_id == NULL)
        fake_die("fake-runtime: %s: no container id", request->action);
    if (strcmp(request->action, "delete") == 0) {
        g_autofree char *unfinished = get_unfinished_path(request);
        remove_dir(unfinished);
    }
    pid_t pid = load_pid(request);

    if (strcmp(request->action, "start") == 0)
        start(request, pid);
    else if (strcmp(request->action, "state") == 0)
        print_state(request, pid);
    else if (strcmp(request->action, "kill") == 0)
        send_signal(pid, parse_signal(request->signal_name));
    else if (strcmp(request->action, "pause") == 0)
        send_signal(pid, SIGSTOP);
    else if (strcmp(request->action, "resume") == 0)
        send_signal(pid, SIGCONT);
    else if (strcmp(request->action, "delete") == 0)
        remove_container(request, pid);
    else
        fake_die("fake-runtime: %s: the script has no stdout for it", request->action);
}
