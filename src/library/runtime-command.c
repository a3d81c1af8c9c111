/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "library/container-private.h"
#include "library/runtime-command.h"
#include "state/json-text.h"

/* How this works: what the runtime prints goes to anonymous files, which need no reader while it
 * runs and leave nothing behind if this program is killed. Standard output is a file whose size
 * cannot grow, so that is its bound; how much was written is the offset, which the runtime's
 * descriptor and ours share.
 *
 * The JSON log is such a file as well, handed on as descriptor LOG_FD and named by its number: a
 * global option before the container's own, so that a --log among those wins and is read by whoever
 * asked for it.
 *
 * The container's lock is handed on as LOCK_FD. It belongs to the open file, so it lasts until both
 * have closed it. */

#define OUTPUT_MAX (4 * 1024 * 1024)
#define WORDS_MAX (64 * 1024)
#define LOG_FD 3
#define LOCK_FD 4

typedef struct {
    int input_fd;
    int output_fd;
    int words_fd; /* stderr */
    int log_fd;
} CommandFiles;

static void
command_files_clear(CommandFiles *self)
{
    hf_close_fd(&self->input_fd);
    hf_close_fd(&self->output_fd);
    hf_close_fd(&self->words_fd);
    hf_close_fd(&self->log_fd);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CommandFiles, command_files_clear)

static int
make_file(const char *name, off_t fixed_size, GError **error)
{
    hf_autofd fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0)
        return hf_throw_errno(error, "make a file in memory"), -1;
    if (fixed_size > 0 && (ftruncate(fd, fixed_size) < 0 ||
                           fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0))
        return hf_throw_errno(error, "bound a file in memory"), -1;
    return hf_steal_fd(&fd);
}

static int
make_input(const char *input, GError **error)
{
    hf_autofd fd = -1;

    if (input == NULL) {
        fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return hf_throw_errno(error, "open '/dev/null'"), -1;
        return hf_steal_fd(&fd);
    }
    fd = make_file("runtime-input", 0, error);
    if (fd < 0)
        return -1;
    size_t length = strlen(input);
    if (write(fd, input, length) != (ssize_t)length || lseek(fd, 0, SEEK_SET) < 0)
        return hf_throw_errno(error, "write a file in memory"), -1;
    return hf_steal_fd(&fd);
}

static gboolean
make_files(CommandFiles *files, const char *input, GError **error)
{
    files->input_fd = make_input(input, error);
    if (files->input_fd < 0)
        return FALSE;
    files->output_fd = make_file("runtime-output", OUTPUT_MAX, error);
    if (files->output_fd < 0)
        return FALSE;
    files->words_fd = make_file("runtime-stderr", WORDS_MAX, error);
    if (files->words_fd < 0)
        return FALSE;
    files->log_fd = make_file("runtime-log", 0, error);
    return files->log_fd >= 0;
}

/* What was written to @fd, at most @limit bytes, with a NUL behind it. */
static char *
read_written(int fd, off_t written, gsize limit, gsize *out_length)
{
    gsize length = written > 0 ? MIN((gsize)written, limit) : 0;
    char *text = g_malloc(length + 1);
    gsize done = 0;

    while (done < length) {
        ssize_t n = pread(fd, text + done, length - done, (off_t)done);
        if (n <= 0)
            break;
        done += (gsize)n;
    }
    text[done] = '\0';
    *out_length = done;
    return text;
}

char *
hf_runtime_command_find(HfContainer *container, GError **error)
{
    g_autofree char *path = g_find_program_in_path(container->file->runtime);

    if (path == NULL)
        return hf_throw(error, HF_ERROR_NOT_FOUND, "there is no OCI runtime '%s'",
                        container->file->runtime),
               NULL;
    return g_canonicalize_filename(path, NULL);
}

char **
hf_runtime_command_dup_environment(void)
{
    static const char *const ours[] = {"NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID",
                                       "LISTEN_FDNAMES"};
    char **environment = g_get_environ();
    g_auto(GStrv) names = g_listenv();

    for (guint i = 0; i < G_N_ELEMENTS(ours); i++)
        environment = g_environ_unsetenv(environment, ours[i]);
    for (guint i = 0; names[i] != NULL; i++) {
        if (g_str_has_prefix(names[i], "_OCI_"))
            environment = g_environ_unsetenv(environment, names[i]);
    }
    return environment;
}

static GPtrArray *
make_argv(HfContainer *container, const char *const *args, GError **error)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
    char *runtime = hf_runtime_command_find(container, error);

    if (runtime == NULL)
        return NULL;
    g_ptr_array_add(argv, runtime);
    g_ptr_array_add(argv, g_strdup("--log"));
    g_ptr_array_add(argv, g_strdup_printf("/proc/self/fd/%d", LOG_FD));
    g_ptr_array_add(argv, g_strdup("--log-format"));
    g_ptr_array_add(argv, g_strdup("json"));
    for (char **arg = container->file->runtime_args; *arg != NULL; arg++)
        g_ptr_array_add(argv, g_strdup(*arg));
    for (guint i = 0; args[i] != NULL; i++)
        g_ptr_array_add(argv, g_strdup(args[i]));
    g_ptr_array_add(argv, NULL);
    return g_steal_pointer(&argv);
}

static int
duplicate(int fd)
{
    return fcntl(fd, F_DUPFD_CLOEXEC, LOCK_FD + 1);
}

static GSubprocess *
spawn(HfContainer *container, const char *const *args, const CommandFiles *files, int lock_fd,
      GError **error)
{
    g_autoptr(GPtrArray) argv = make_argv(container, args, error);

    if (argv == NULL)
        return NULL;
    g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_NONE);
    g_auto(GStrv) environment = hf_runtime_command_dup_environment();

    g_subprocess_launcher_set_environ(launcher, environment);
    g_subprocess_launcher_take_stdin_fd(launcher, duplicate(files->input_fd));
    g_subprocess_launcher_take_stdout_fd(launcher, duplicate(files->output_fd));
    g_subprocess_launcher_take_stderr_fd(launcher, duplicate(files->words_fd));
    g_subprocess_launcher_take_fd(launcher, duplicate(files->log_fd), LOG_FD);
    if (lock_fd >= 0)
        g_subprocess_launcher_take_fd(launcher, duplicate(lock_fd), LOCK_FD);
    return g_subprocess_launcher_spawnv(launcher, (const char *const *)argv->pdata, error);
}

/* The runtime's own words on why it failed, NULL if it had none. */
static char *
read_words(const CommandFiles *files)
{
    gsize length;
    g_autofree char *log =
        read_written(files->log_fd, lseek(files->log_fd, 0, SEEK_END), OUTPUT_MAX, &length);
    g_autofree char *words = hf_runtime_command_find_error(log, length);

    if (words != NULL)
        return g_steal_pointer(&words);
    words = read_written(files->words_fd, lseek(files->words_fd, 0, SEEK_CUR), WORDS_MAX, &length);
    g_autofree char *text = g_utf8_make_valid(words, (gssize)length);
    g_strstrip(text);
    if (*text == '\0')
        return NULL;
    const char *last_line = strrchr(text, '\n');
    return g_strdup(last_line != NULL ? last_line + 1 : text);
}

static gboolean
throw_status(HfContainer *container, GSubprocess *process, const CommandFiles *files,
             const char *command, GError **error)
{
    g_autofree char *words = read_words(files);
    const char *runtime = container->file->runtime;

    if (words != NULL)
        return hf_throw(error, HF_ERROR_RUNTIME_FAILED, "%s %s: %s", runtime, command, words);
    if (g_subprocess_get_if_signaled(process))
        return hf_throw(error, HF_ERROR_RUNTIME_FAILED, "%s %s: ended by signal %d", runtime,
                        command, g_subprocess_get_term_sig(process));
    return hf_throw(error, HF_ERROR_RUNTIME_FAILED, "%s %s: exit status %d", runtime, command,
                    g_subprocess_get_exit_status(process));
}

static void
on_cancelled(GCancellable *cancellable, gpointer user_data)
{
    g_subprocess_force_exit(user_data);
}

/* Until the command has ended, by itself or because it was cancelled. g_subprocess_wait() with a
 * cancellable misses one that is cancelled as it begins. */
static gboolean
wait_for(GSubprocess *process, GCancellable *cancellable, GError **error)
{
    gulong handler = 0;
    gboolean has_ended = FALSE;

    if (cancellable != NULL)
        handler = g_cancellable_connect(cancellable, G_CALLBACK(on_cancelled), process, NULL);
    has_ended = g_subprocess_wait(process, NULL, error);
    if (cancellable != NULL)
        g_cancellable_disconnect(cancellable, handler);
    /* What was done before the cancellation came is done. */
    if (!has_ended || g_subprocess_get_successful(process))
        return has_ended;
    return !g_cancellable_set_error_if_cancelled(cancellable, error);
}

static gboolean
run(HfContainer *container, int lock_fd, const char *const *args, const char *input,
    char **out_output, GCancellable *cancellable, GError **error)
{
    g_auto(CommandFiles) files = {-1, -1, -1, -1};

    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);
    if (g_cancellable_set_error_if_cancelled(cancellable, error) ||
        !make_files(&files, input, error))
        return FALSE;
    g_autoptr(GSubprocess) process = spawn(container, args, &files, lock_fd, error);
    if (process == NULL)
        return FALSE;
    if (!wait_for(process, cancellable, error))
        return FALSE;
    if (!g_subprocess_get_successful(process))
        return throw_status(container, process, &files, args[0], error);
    if (out_output != NULL) {
        gsize length;
        *out_output =
            read_written(files.output_fd, lseek(files.output_fd, 0, SEEK_CUR), OUTPUT_MAX, &length);
    }
    return TRUE;
}

gboolean
hf_runtime_command_run(HfContainer *container, const char *const *args, const char *input,
                       char **out_output, GCancellable *cancellable, GError **error)
{
    return run(container, -1, args, input, out_output, cancellable, error);
}

gboolean
hf_runtime_command_run_locked(HfContainer *container, int lock_fd, const char *const *args,
                              char **out_output, GCancellable *cancellable, GError **error)
{
    return run(container, lock_fd, args, NULL, out_output, cancellable, error);
}

static const char *
get_string(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);

    if (node == NULL || !JSON_NODE_HOLDS_VALUE(node) ||
        json_node_get_value_type(node) != G_TYPE_STRING)
        return "";
    return json_node_get_string(node);
}

/* The message of one line of a log if its level is @level. */
static char *
read_line(const char *line, gsize length, const char *level)
{
    g_autoptr(JsonObject) object = hf_json_text_parse(line, length, NULL);

    if (object == NULL || strcmp(get_string(object, "level"), level) != 0)
        return NULL;
    const char *message = get_string(object, "msg");
    return *message != '\0' ? g_strdup(message) : NULL;
}

static char *
find_level(const char *log, gsize length, const char *level)
{
    gsize end = length;

    while (end > 0) {
        const char *newline = memrchr(log, '\n', end);
        gsize start = newline != NULL ? (gsize)(newline - log) + 1 : 0;
        char *message = end > start ? read_line(log + start, end - start, level) : NULL;
        if (message != NULL)
            return message;
        end = start > 0 ? start - 1 : 0;
    }
    return NULL;
}

char *
hf_runtime_command_find_error(const char *log, gsize length)
{
    char *message = find_level(log, length, "error");

    return message != NULL ? message : find_level(log, length, "fatal");
}
