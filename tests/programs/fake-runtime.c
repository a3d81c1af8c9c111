/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Stands for an OCI runtime in tests: the same command lines, no root, and every way to misbehave.
 *
 *     fake-runtime [GLOBAL...] create|restore --bundle B --pid-file P [--console-socket S] ... ID
 *     fake-runtime [GLOBAL...] exec --pid-file P --process SPEC [--console-socket S] ... ID
 *     fake-runtime [GLOBAL...] start|state|pause|resume ID
 *     fake-runtime [GLOBAL...] kill ID [SIGNAL]      (a number, TERM or SIGTERM)
 *     fake-runtime [GLOBAL...] delete [--force] ID
 *     fake-runtime --version
 *
 * Of the global arguments --root R and --log F count; the rest is ignored. Containers are
 * remembered in ROOT/ID/, ROOT being --root, else $FAKE_RUNTIME_ROOT, else /tmp/fake-runtime-UID.
 *
 * The container's process is a child of the fake runtime, so that the nearest subreaper inherits it
 * at the runtime's end. It is a session of its own, has the bundle as working directory, no
 * descriptors above 2 but those of --preserve-fds, and the runtime's 0-2 or, with --console-socket,
 * a new terminal. After create it waits for `start` (which opens BUNDLE/fake-runtime.start, a FIFO,
 * and writes a byte; a test may do the same); after restore and exec it runs at once. Then it
 * becomes `sh -c COMMAND`.
 *
 * The script has a line `KEY VALUE` for each thing that differs from a plain success. It is the
 * file named by $FAKE_RUNTIME_SCRIPT, else (exec) SPEC.script, else BUNDLE/fake-runtime.script, the
 * bundle of an exec being that of its container; no file is an empty script. A line holds for
 * create, restore and exec; with `ACTION:` before the key it holds for that action alone and goes
 * before lines without. Lines with one key are joined by newlines. Empty lines and # lines are
 * skipped.
 *
 *     command SH               the container's process; default `exit 0`
 *     autostart 1              create does not wait for start
 *     container none           no process; the pid file then holds the runtime's own pid
 *     fail TEXT                no process, no pid file; TEXT to stderr and --log; exit status 1
 *     stdout TEXT, stderr TEXT printed with a newline
 *     stderr-bytes N           N bytes on stderr, in lines of 80
 *     exit N                   exit status of the runtime
 *     signal N                 the runtime ends by signal N
 *     hang start|end           the runtime stops there until it is killed
 *     delay-start MS           before anything else but `record`
 *     delay-pid-file MS        before the pid file
 *     delay-exit MS            after it
 *     pid-file none|empty|garbage|text TEXT
 *     console none             the runtime does not connect to the console socket
 *             silent           connects and sends nothing (till it ends)
 *             garbage          sends bytes without a descriptor
 *             not-a-terminal   sends a pipe
 *             two              sends two terminals
 *     record DIR               files of what this runtime was given: argv, env (a line each), fds
 *                              (lines `N TARGET`), status (/proc/self/status), oom_score_adj, cwd,
 *                              pdeathsig (a number), ids (pid ppid pgid sid)
 *     record-container DIR     the same of the container's process before COMMAND
 *
 * The other actions obey stdout, stderr, fail, exit, signal, hang, the delays and record if the
 * line names them (`kill: exit 1`), before they do their work. A fail or exit takes the work's
 * place. So does stdout, which serves actions that are unknown here (`events: stdout {...}`). */

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake-runtime.h"

void
fake_die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fputc('\n', stderr);
    exit(1);
}

static void
print_bytes(int count)
{
    for (int i = 1; i <= count; i++)
        (void)fputc(i % 80 == 0 || i == count ? '\n' : 'x', stderr);
}

static void
hang_if_told(const FakeScript *script, const char *where)
{
    (void)fflush(NULL);
    while (fake_script_says(script, "hang", where))
        (void)pause();
}

static void
append_to_log(const char *path, const char *text)
{
    FILE *file = path == NULL ? NULL : fopen(path, "ae");
    g_autofree char *escaped = g_strescape(text, NULL);

    if (file == NULL)
        return;
    (void)fprintf(file, "{\"level\":\"error\",\"msg\":\"%s\"}\n", escaped);
    (void)fclose(file);
}

static void
say_what_is_told(const FakeRequest *request, const FakeScript *script)
{
    const char *out = fake_script_get(script, "stdout");
    const char *err = fake_script_get(script, "stderr");
    const char *failure = fake_script_get(script, "fail");

    if (out != NULL)
        (void)printf("%s\n", out);
    if (err != NULL)
        (void)fprintf(stderr, "%s\n", err);
    print_bytes(fake_script_get_number(script, "stderr-bytes", 0));
    if (failure != NULL) {
        (void)fprintf(stderr, "%s\n", failure);
        append_to_log(request->log, failure);
    }
}

static noreturn void
finish(const FakeScript *script)
{
    int signal_number = fake_script_get_number(script, "signal", 0);
    int failed = fake_script_get(script, "fail") != NULL;

    fake_script_delay(script, "delay-exit");
    hang_if_told(script, "end");
    if (signal_number > 0)
        (void)kill(getpid(), signal_number);
    exit(fake_script_get_number(script, "exit", failed));
}

/* The way runtimes do it: a reader sees nothing or the whole. */
static void
write_pid_file(const char *path, const char *text)
{
    g_autofree char *temporary = g_strconcat(path, ".tmp", NULL);
    FILE *file = fopen(temporary, "we");

    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0 || rename(temporary, path) < 0)
        fake_die("fake-runtime: write pid file %s: %m", path);
}

static void
leave_pid_file(const FakeRequest *request, const FakeScript *script, pid_t pid)
{
    const char *how = fake_script_get(script, "pid-file");
    g_autofree char *pid_text = g_strdup_printf("%d", (int)pid);

    if (request->pid_file == NULL || g_strcmp0(how, "none") == 0)
        return;
    if (how == NULL)
        write_pid_file(request->pid_file, pid_text);
    else if (strcmp(how, "empty") == 0)
        write_pid_file(request->pid_file, "");
    else if (strcmp(how, "garbage") == 0)
        write_pid_file(request->pid_file, "12 monkeys");
    else if (g_str_has_prefix(how, "text "))
        write_pid_file(request->pid_file, how + strlen("text "));
    else
        fake_die("fake-runtime: pid-file %s?", how);
}

static void
make_container(const FakeRequest *request, const FakeScript *script, char **argv)
{
    bool waits = strcmp(request->action, "create") == 0 &&
                 fake_script_get_number(script, "autostart", 0) == 0;
    pid_t pid = getpid();
    int noted_fd = -1;

    if (request->container_id == NULL)
        fake_die("fake-runtime: %s: no container id", request->action);
    if (!fake_script_says(script, "container", "none"))
        pid = fake_container_spawn(request, script, argv, waits, &noted_fd);
    if (strcmp(request->action, "exec") != 0)
        fake_state_save(request, pid);
    if (noted_fd >= 0 && (write(noted_fd, "", 1) != 1 || close(noted_fd) < 0))
        fake_die("fake-runtime: let the container go on: %m");
    fake_script_delay(script, "delay-pid-file");
    leave_pid_file(request, script, pid);
}

static bool
makes_container(const char *action)
{
    static const char *const actions[] = {"create", "restore", "exec", NULL};

    return g_strv_contains(actions, action);
}

int
main(int argc, char **argv)
{
    FakeRequest request = {0};

    fake_request_parse(&request, argv);
    FakeScript *script = fake_script_load(&request);
    const char *record_dir = fake_script_get(script, "record");

    if (record_dir != NULL)
        fake_record(record_dir, argv);
    fake_script_delay(script, "delay-start");
    hang_if_told(script, "start");
    say_what_is_told(&request, script);
    (void)fflush(NULL);

    if (fake_script_get(script, "fail") != NULL)
        finish(script);
    if (makes_container(request.action))
        make_container(&request, script, argv);
    else if (fake_script_get(script, "exit") == NULL && fake_script_get(script, "stdout") == NULL)
        fake_state_action(&request);
    finish(script);
}
