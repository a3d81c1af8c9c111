/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* libholdfast's functions with a command line, for tests in Python:
 *
 *     library-driver [--runtime R] [--runtime-arg A]... [--shim S] [--timeout MS] [--log TARGET]...
 *                    [--stdin P] [--stdout P] [--stderr P] [--checkpoint DIR]
 *                    [--cancel-after MS] [--async]
 *                    ROOT COMMAND [ARGUMENT]...
 *
 * One line of JSON on stdout, {"result": ...} or {"error": MESSAGE, "code": N, "domain": NAME}, and
 * an exit status of 0 or 1. */

#include <holdfast/holdfast.h>
#include <json-glib/json-glib.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char *runtime;
    char **runtime_args;
    char *shim;
    int timeout_ms;
    char **logs;
    char *stdin_path;
    char *stdout_path;
    char *stderr_path;
    char *checkpoint;
    int cancel_after_ms;
    gboolean is_async;
    const char *root;
    char **args; /* of the command */
    GCancellable *cancellable;
} Driver;

typedef JsonNode *(*CommandFunc)(Driver *driver, GError **error);

static JsonNode *
make_int(gint64 value)
{
    return json_node_init_int(json_node_alloc(), value);
}

static JsonNode *
make_string(const char *value)
{
    return json_node_init_string(json_node_alloc(), value);
}

static JsonNode *
make_done(gboolean is_done)
{
    return is_done ? json_node_init_boolean(json_node_alloc(), TRUE) : NULL;
}

static JsonNode *
make_array(JsonArray *take_array)
{
    JsonNode *node = json_node_init_array(json_node_alloc(), take_array);

    json_array_unref(take_array);
    return node;
}

static JsonNode *
make_object(JsonObject *take_object)
{
    JsonNode *node = json_node_init_object(json_node_alloc(), take_object);

    json_object_unref(take_object);
    return node;
}

/* What an async function called back with. */
typedef struct {
    GAsyncResult *result;
} Answer;

static void
on_answer(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Answer *answer = user_data;

    answer->result = g_object_ref(result);
}

static void
await(Answer *answer)
{
    while (answer->result == NULL)
        g_main_context_iteration(NULL, TRUE);
}

static HfContainer *
load(Driver *driver, GError **error)
{
    return hf_container_load(driver->root, driver->args[0], error);
}

/* The process that the first two arguments name. */
static HfProcess *
load_process(Driver *driver, GError **error)
{
    g_autoptr(HfContainer) container = load(driver, error);

    return container != NULL ? hf_container_get_process(container, driver->args[1], error) : NULL;
}

static HfStdio *
make_stdio(Driver *driver)
{
    HfStdio *stdio = hf_stdio_new(driver->stdin_path, driver->stdout_path, driver->stderr_path);

    if (driver->logs != NULL)
        hf_stdio_set_logs(stdio, (const char *const *)driver->logs);
    return stdio;
}

static HfContainer *
make_container(Driver *driver, GError **error)
{
    g_autoptr(HfContainerOptions) options = hf_container_options_new();

    g_object_set(options, "runtime", driver->runtime != NULL ? driver->runtime : "runc",
                 "runtime-args", driver->runtime_args, "shim", driver->shim, NULL);
    if (driver->timeout_ms > 0)
        g_object_set(options, "start-timeout-ms", (guint)driver->timeout_ms, NULL);
    return hf_container_new(driver->root, driver->args[0], driver->args[1], options, error);
}

static JsonNode *
run_new(Driver *driver, GError **error)
{
    g_autoptr(HfContainer) container = make_container(driver, error);

    return make_done(container != NULL);
}

static JsonNode *
start(Driver *driver, HfContainer *container, GError **error)
{
    g_autoptr(HfStdio) stdio = make_stdio(driver);
    g_autoptr(HfProcess) process = NULL;
    Answer answer = {NULL};

    if (driver->is_async) {
        hf_container_start_async(container, driver->checkpoint, stdio, driver->cancellable,
                                 on_answer, &answer);
        await(&answer);
        process = hf_container_start_finish(container, answer.result, error);
        g_object_unref(answer.result);
    } else {
        process =
            hf_container_start(container, driver->checkpoint, stdio, driver->cancellable, error);
    }
    return process != NULL ? make_int(hf_process_get_system_pid(process)) : NULL;
}

static JsonNode *
run_start(Driver *driver, GError **error)
{
    g_autoptr(HfContainer) container = load(driver, error);

    return container != NULL ? start(driver, container, error) : NULL;
}

static JsonNode *
run_new_start(Driver *driver, GError **error)
{
    g_autoptr(HfContainer) container = make_container(driver, error);

    return container != NULL ? start(driver, container, error) : NULL;
}

static JsonNode *
run_begin(Driver *driver, GError **error)
{
    g_autoptr(HfContainer) container = load(driver, error);
    g_autoptr(HfProcess) process =
        container != NULL ? hf_container_get_process(container, HF_INIT_PROCESS_ID, error) : NULL;
    Answer answer = {NULL};

    if (process == NULL)
        return NULL;
    if (!driver->is_async)
        return make_done(hf_process_start(process, driver->cancellable, error));
    hf_process_start_async(process, driver->cancellable, on_answer, &answer);
    await(&answer);
    gboolean is_done = hf_process_start_finish(process, answer.result, error);
    g_object_unref(answer.result);
    return make_done(is_done);
}

static JsonNode *
run_exec(Driver *driver, GError **error)
{
    g_autoptr(HfContainer) container = load(driver, error);
    g_autoptr(HfProcessSpec) spec = hf_process_spec_new_from_json(driver->args[2], error);
    g_autoptr(HfStdio) stdio = make_stdio(driver);
    g_autoptr(HfProcess) process = NULL;
    Answer answer = {NULL};

    if (container == NULL || spec == NULL)
        return NULL;
    if (driver->is_async) {
        hf_container_exec_async(container, driver->args[1], spec, stdio, driver->cancellable,
                                on_answer, &answer);
        await(&answer);
        process = hf_container_exec_finish(container, answer.result, error);
        g_object_unref(answer.result);
    } else {
        process =
            hf_container_exec(container, driver->args[1], spec, stdio, driver->cancellable, error);
    }
    return process != NULL ? make_int(hf_process_get_system_pid(process)) : NULL;
}

static JsonNode *
run_wait(Driver *driver, GError **error)
{
    g_autoptr(HfProcess) process = load_process(driver, error);
    Answer answer = {NULL};
    gboolean is_done = FALSE;
    int status = -1;

    if (process == NULL)
        return NULL;
    if (driver->is_async) {
        hf_process_wait_async(process, driver->cancellable, on_answer, &answer);
        await(&answer);
        is_done = hf_process_wait_finish(process, answer.result, &status, error);
        g_object_unref(answer.result);
    } else {
        is_done = hf_process_wait(process, driver->cancellable, &status, error);
    }
    return is_done ? make_int(status) : NULL;
}

static JsonNode *
run_exit_status(Driver *driver, GError **error)
{
    g_autoptr(HfProcess) process = load_process(driver, error);
    int status = -1;

    if (process == NULL || !hf_process_get_exit_status(process, &status, error))
        return NULL;
    return make_int(status);
}

/* Waits as a program with a poll of its own does. */
static JsonNode *
run_poll(Driver *driver, GError **error)
{
    g_autoptr(HfProcess) process = load_process(driver, error);
    struct pollfd fd = {.events = POLLIN};

    if (process == NULL)
        return NULL;
    fd.fd = hf_process_get_exit_fd(process, error);
    if (fd.fd < 0)
        return NULL;
    return make_int(poll(&fd, 1, atoi(driver->args[2])));
}

static JsonNode *
run_state(Driver *driver, GError **error)
{
    g_autoptr(HfContainer) container = load(driver, error);

    return container != NULL
               ? make_string(hf_container_state_to_string(hf_container_get_state(container)))
               : NULL;
}

static JsonNode *
run_query(Driver *driver, GError **error)
{
    g_autoptr(HfContainer) container = load(driver, error);
    g_autofree char *status =
        container != NULL ? hf_container_query_status(container, driver->cancellable, error) : NULL;

    return status != NULL ? make_string(status) : NULL;
}

static JsonNode *
run_list(Driver *driver, GError **error)
{
    g_auto(GStrv) problems = NULL;
    g_autoptr(GPtrArray) containers = hf_container_load_all(driver->root, &problems, error);
    JsonObject *states = NULL;

    if (containers == NULL)
        return NULL;
    states = json_object_new();
    for (guint i = 0; i < containers->len; i++) {
        HfContainer *container = g_ptr_array_index(containers, i);
        HfContainerState state = hf_container_get_state(container);

        json_object_set_string_member(states, hf_container_get_id(container),
                                      hf_container_state_to_string(state));
    }
    for (guint i = 0; problems != NULL && problems[i] != NULL; i++)
        json_object_set_string_member(states, problems[i], "problem");
    return make_object(states);
}

static JsonNode *
run_processes(Driver *driver, GError **error)
{
    g_autoptr(HfContainer) container = load(driver, error);
    g_autoptr(GPtrArray) processes =
        container != NULL ? hf_container_list_processes(container, error) : NULL;
    JsonObject *states = NULL;

    if (processes == NULL)
        return NULL;
    states = json_object_new();
    for (guint i = 0; i < processes->len; i++) {
        HfProcess *process = g_ptr_array_index(processes, i);

        json_object_set_string_member(states, hf_process_get_id(process),
                                      hf_process_state_to_string(hf_process_get_state(process)));
    }
    return make_object(states);
}

static JsonNode *
run_problems(Driver *driver, GError **error)
{
    g_autoptr(HfContainer) container = load(driver, error);
    const char *const *problems = NULL;
    JsonArray *list = NULL;

    if (container == NULL)
        return NULL;
    list = json_array_new();
    problems = hf_container_get_problems(container);
    for (guint i = 0; problems[i] != NULL; i++)
        json_array_add_string_element(list, problems[i]);
    return make_array(list);
}

static JsonNode *
run_pids(Driver *driver, GError **error)
{
    g_autoptr(HfContainer) container = load(driver, error);
    gsize length = 0;
    g_autofree int *pids =
        container != NULL ? hf_container_list_pids(container, &length, error) : NULL;
    JsonArray *list = NULL;

    if (pids == NULL)
        return NULL;
    list = json_array_new();
    for (gsize i = 0; i < length; i++)
        json_array_add_int_element(list, pids[i]);
    return make_array(list);
}

static JsonNode *
run_pid(Driver *driver, GError **error)
{
    g_autoptr(HfProcess) process = load_process(driver, error);

    return process != NULL ? make_int(hf_process_get_system_pid(process)) : NULL;
}

static JsonNode *
run_monitor_pid(Driver *driver, GError **error)
{
    g_autoptr(HfProcess) process = load_process(driver, error);

    return process != NULL ? make_int(hf_process_get_monitor_pid(process)) : NULL;
}

static JsonNode *
run_signal(Driver *driver, GError **error)
{
    g_autoptr(HfProcess) process = load_process(driver, error);

    return make_done(process != NULL && hf_process_signal(process, atoi(driver->args[2]), error));
}

static JsonNode *
run_close_stdin(Driver *driver, GError **error)
{
    g_autoptr(HfProcess) process = load_process(driver, error);

    return make_done(process != NULL && hf_process_close_stdin(process, error));
}

static JsonNode *
run_resize(Driver *driver, GError **error)
{
    g_autoptr(HfProcess) process = load_process(driver, error);

    return make_done(process != NULL && hf_process_resize(process, (guint)atoi(driver->args[2]),
                                                          (guint)atoi(driver->args[3]), error));
}

static JsonNode *
run_reopen_logs(Driver *driver, GError **error)
{
    g_autoptr(HfProcess) process = load_process(driver, error);

    return make_done(process != NULL && hf_process_reopen_logs(process, error));
}

static JsonNode *
run_pause(Driver *driver, GError **error)
{
    g_autoptr(HfContainer) container = load(driver, error);

    return make_done(container != NULL &&
                     hf_container_pause(container, driver->cancellable, error));
}

static JsonNode *
run_resume(Driver *driver, GError **error)
{
    g_autoptr(HfContainer) container = load(driver, error);

    return make_done(container != NULL &&
                     hf_container_resume(container, driver->cancellable, error));
}

static JsonNode *
run_delete(Driver *driver, GError **error)
{
    g_autoptr(HfContainer) container = load(driver, error);
    gboolean force = g_strcmp0(driver->args[1], "force") == 0;
    Answer answer = {NULL};

    if (container == NULL)
        return NULL;
    if (!driver->is_async)
        return make_done(hf_container_delete(container, force, driver->cancellable, error));
    hf_container_delete_async(container, force, driver->cancellable, on_answer, &answer);
    await(&answer);
    gboolean is_done = hf_container_delete_finish(container, answer.result, error);
    g_object_unref(answer.result);
    return make_done(is_done);
}

static JsonNode *
run_remove_process(Driver *driver, GError **error)
{
    g_autoptr(HfContainer) container = load(driver, error);

    return make_done(container != NULL &&
                     hf_container_remove_process(container, driver->args[1], error));
}

static HfIo *
create_io(const char *process_id, gboolean has_terminal, gpointer user_data, GError **error)
{
    g_autoptr(HfFifoSet) fifos = hf_fifo_set_new(user_data, process_id, has_terminal, error);

    return fifos != NULL ? hf_io_new(fifos, fileno(stdin), fileno(stdout), fileno(stderr), error)
                         : NULL;
}

static HfIo *
attach_io(HfFifoSet *fifos, gpointer user_data, GError **error)
{
    return hf_io_new(fifos, -1, fileno(stdout), fileno(stderr), error);
}

/* Runs a task to its end: what it prints stands before the result. */
static JsonNode *
finish_task(Driver *driver, HfProcess *process, GError **error)
{
    int status = -1;

    if (!hf_process_start(process, driver->cancellable, error) ||
        !hf_process_wait(process, driver->cancellable, &status, error) ||
        !hf_io_wait(hf_process_get_io(process), driver->cancellable, error) ||
        !hf_fifo_set_remove(hf_io_get_fifos(hf_process_get_io(process)), error))
        return NULL;
    return make_int(status);
}

/* What [TYPE SOURCE OPTIONS]... says; options are joined by commas. NULL without any. */
static GPtrArray *
make_mounts(char **words)
{
    GPtrArray *mounts = NULL;

    for (guint i = 0; i + 2 < g_strv_length(words); i += 3) {
        g_auto(GStrv) options = g_strsplit(words[i + 2], ",", -1);

        if (mounts == NULL)
            mounts = g_ptr_array_new_with_free_func(g_object_unref);
        g_ptr_array_add(mounts, hf_mount_new(words[i], words[i + 1], (const char *const *)options));
    }
    return mounts;
}

/* ID FIFO-PARENT [TYPE SOURCE OPTIONS]... */
static HfProcess *
make_task(Driver *driver, GError **error)
{
    g_autoptr(HfContainer) container = load(driver, error);
    g_autoptr(GPtrArray) mounts = make_mounts(driver->args + 2);

    if (container == NULL)
        return NULL;
    return hf_container_new_task(container, create_io, driver->args[1], mounts, driver->checkpoint,
                                 driver->cancellable, error);
}

static JsonNode *
run_task(Driver *driver, GError **error)
{
    g_autoptr(HfProcess) process = make_task(driver, error);

    return process != NULL ? finish_task(driver, process, error) : NULL;
}

static JsonNode *
run_new_task(Driver *driver, GError **error)
{
    g_autoptr(HfProcess) process = make_task(driver, error);

    if (process == NULL)
        return NULL;
    hf_io_cancel(hf_process_get_io(process));
    return make_int(hf_process_get_system_pid(process));
}

static JsonNode *
run_load_task(Driver *driver, GError **error)
{
    g_autoptr(HfContainer) container = load(driver, error);
    g_autoptr(HfProcess) process =
        container != NULL ? hf_container_load_task(container, attach_io, NULL, error) : NULL;

    return process != NULL ? finish_task(driver, process, error) : NULL;
}

/* Waits for a task that somebody else lets run. */
static JsonNode *
run_join_task(Driver *driver, GError **error)
{
    g_autoptr(HfContainer) container = load(driver, error);
    g_autoptr(HfProcess) process =
        container != NULL ? hf_container_load_task(container, attach_io, NULL, error) : NULL;
    int status = -1;

    if (process == NULL || !hf_process_wait(process, driver->cancellable, &status, error) ||
        !hf_io_wait(hf_process_get_io(process), driver->cancellable, error))
        return NULL;
    return make_int(status);
}

/* Deletes by an object that was loaded before the task's mounts were made. */
static JsonNode *
run_stale_delete(Driver *driver, GError **error)
{
    g_autoptr(HfContainer) stale = load(driver, error);
    g_autoptr(HfProcess) process = stale != NULL ? make_task(driver, error) : NULL;

    if (process == NULL)
        return NULL;
    hf_io_cancel(hf_process_get_io(process));
    return make_done(hf_container_delete(stale, TRUE, driver->cancellable, error));
}

typedef struct {
    const char *name;
    guint n_args;
    CommandFunc run;
} Command;

static const Command commands[] = {
    {"new", 2, run_new},
    {"start", 1, run_start},
    {"new-start", 2, run_new_start},
    {"begin", 1, run_begin},
    {"exec", 3, run_exec},
    {"wait", 2, run_wait},
    {"exit-status", 2, run_exit_status},
    {"poll", 3, run_poll},
    {"state", 1, run_state},
    {"query", 1, run_query},
    {"list", 0, run_list},
    {"processes", 1, run_processes},
    {"problems", 1, run_problems},
    {"pids", 1, run_pids},
    {"pid", 2, run_pid},
    {"monitor-pid", 2, run_monitor_pid},
    {"signal", 3, run_signal},
    {"close-stdin", 2, run_close_stdin},
    {"resize", 4, run_resize},
    {"reopen-logs", 2, run_reopen_logs},
    {"pause", 1, run_pause},
    {"resume", 1, run_resume},
    {"delete", 1, run_delete},
    {"remove-process", 2, run_remove_process},
    {"task", 2, run_task},
    {"new-task", 2, run_new_task},
    {"load-task", 1, run_load_task},
    {"join-task", 1, run_join_task},
    {"stale-delete", 2, run_stale_delete},
};

static const Command *
find_command(char **words)
{
    for (guint i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (strcmp(commands[i].name, words[0]) == 0 &&
            g_strv_length(words + 1) >= commands[i].n_args)
            return &commands[i];
    }
    return NULL;
}

static void
print(JsonNode *take_result, const GError *error)
{
    g_autoptr(JsonNode) root = json_node_init_object(json_node_alloc(), json_object_new());
    JsonObject *object = json_node_get_object(root);
    g_autofree char *line = NULL;

    if (take_result != NULL) {
        json_object_set_member(object, "result", take_result);
    } else {
        json_object_set_string_member(object, "error", error->message);
        json_object_set_int_member(object, "code", error->code);
        json_object_set_string_member(object, "domain", g_quark_to_string(error->domain));
    }
    line = json_to_string(root, FALSE);
    (void)puts(line);
    json_object_unref(object);
}

static gpointer
cancel_later(gpointer data)
{
    Driver *driver = data;

    g_usleep((gulong)driver->cancel_after_ms * 1000);
    g_cancellable_cancel(driver->cancellable);
    return NULL;
}

static gboolean
parse(Driver *driver, int *argc, char ***argv, GError **error)
{
    g_autoptr(GOptionContext) context = g_option_context_new("ROOT COMMAND [ARGUMENT]...");
    const GOptionEntry entries[] = {
        {"runtime", 0, 0, G_OPTION_ARG_FILENAME, &driver->runtime, NULL, NULL},
        {"runtime-arg", 0, 0, G_OPTION_ARG_STRING_ARRAY, &driver->runtime_args, NULL, NULL},
        {"shim", 0, 0, G_OPTION_ARG_FILENAME, &driver->shim, NULL, NULL},
        {"timeout", 0, 0, G_OPTION_ARG_INT, &driver->timeout_ms, NULL, NULL},
        {"log", 0, 0, G_OPTION_ARG_STRING_ARRAY, &driver->logs, NULL, NULL},
        {"stdin", 0, 0, G_OPTION_ARG_FILENAME, &driver->stdin_path, NULL, NULL},
        {"stdout", 0, 0, G_OPTION_ARG_FILENAME, &driver->stdout_path, NULL, NULL},
        {"stderr", 0, 0, G_OPTION_ARG_FILENAME, &driver->stderr_path, NULL, NULL},
        {"checkpoint", 0, 0, G_OPTION_ARG_FILENAME, &driver->checkpoint, NULL, NULL},
        {"cancel-after", 0, 0, G_OPTION_ARG_INT, &driver->cancel_after_ms, NULL, NULL},
        {"async", 0, 0, G_OPTION_ARG_NONE, &driver->is_async, NULL, NULL},
        G_OPTION_ENTRY_NULL,
    };

    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_set_strict_posix(context, TRUE);
    return g_option_context_parse(context, argc, argv, error);
}

static void
driver_clear(Driver *driver)
{
    g_object_unref(driver->cancellable);
    g_free(driver->runtime);
    g_strfreev(driver->runtime_args);
    g_free(driver->shim);
    g_strfreev(driver->logs);
    g_free(driver->stdin_path);
    g_free(driver->stdout_path);
    g_free(driver->stderr_path);
    g_free(driver->checkpoint);
}

int
main(int argc, char **argv)
{
    Driver driver = {.cancellable = g_cancellable_new()};
    g_autoptr(GError) error = NULL;
    const Command *command = NULL;
    GThread *canceller = NULL;

    if (!parse(&driver, &argc, &argv, &error) || argc < 3 ||
        (command = find_command(argv + 2)) == NULL) {
        (void)fprintf(stderr, "library-driver: %s\n",
                      error != NULL ? error->message : "ROOT COMMAND [ARGUMENT]...");
        return 2;
    }
    driver.root = argv[1];
    driver.args = argv + 3;
    if (driver.cancel_after_ms > 0)
        canceller = g_thread_new("cancel", cancel_later, &driver);
    JsonNode *result = command->run(&driver, &error);
    print(result, error);
    if (canceller != NULL)
        g_thread_join(canceller);
    driver_clear(&driver);
    return result != NULL ? 0 : 1;
}
