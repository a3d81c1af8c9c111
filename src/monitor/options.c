/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include "base/error.h"
#include "monitor/options.h"

/* --api-version takes no value (GOption's NONE): the "1" that engines put behind it is an operand,
 * and operands are ignored. FILENAME instead of STRING wherever there is text: GOption converts a
 * STRING from the locale's encoding, which fails for a log tag with an umlaut in the C locale. */

#define DEFAULT_SOCKET_DIR "/var/run/crio"
#define DEFAULT_LINE_MAX 16384
#define DEFAULT_ATTACH_BUFFER (1024 * 1024)
#define DEFAULT_ATTACH_TIMEOUT_S 10
#define DEFAULT_ATTACH_MAX 128

#define FLAG(field, text) 0, G_OPTION_ARG_NONE, &o->field, text, NULL
#define NUMBER(field, text, unit) 0, G_OPTION_ARG_INT, &o->field, text, unit
#define SIZE(field, text) 0, G_OPTION_ARG_INT64, &o->field, text, "BYTES"
#define TEXT(field, text, what) 0, G_OPTION_ARG_FILENAME, &o->field, text, what
#define LIST(field, text, what) 0, G_OPTION_ARG_FILENAME_ARRAY, &o->field, text, what
#define HIDDEN_TEXT(field, text) G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_FILENAME, &o->field, text, NULL
#define HIDDEN_LIST(field, text) \
    G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_FILENAME_ARRAY, &o->field, text, NULL

static void
add_container_options(GOptionContext *context, HfOptions *o)
{
    const GOptionEntry entries[] = {
        {"cid", 'c', TEXT(container_id, "The container's id", "ID")},
        {"cuuid", 'u', TEXT(container_uuid, "The id of this session", "ID")},
        {"name", 'n', TEXT(container_name, "The container's name", "NAME")},
        {"bundle", 'b', TEXT(bundle, "The OCI bundle (default: the working directory)", "DIR")},
        {"container-pidfile", 'p',
         TEXT(container_pid_file, "Where the runtime writes the container's pid", "FILE")},
        {"pidfile", 0, HIDDEN_TEXT(container_pid_file, "The same")},
        {"conmon-pidfile", 'P', TEXT(monitor_pid_file, "Where this program's pid goes", "FILE")},
        {"persist-dir", '0', TEXT(persist_dir, "A directory for the exit status and oom", "DIR")},
        {"exit-dir", 0,
         TEXT(exit_dir, "The directory for a file named after the container", "DIR")},
        {"socket-dir-path", 0, TEXT(socket_dir, "Where attach sockets are linked", "DIR")},
        {"full-attach", 0,
         FLAG(is_full_attach, "The attach socket is in the bundle; no link in --socket-dir-path")},
        {"terminal", 't', FLAG(has_terminal, "The container has a terminal")},
        {"stdin", 'i', FLAG(has_stdin, "The container has a pipe as stdin")},
        {"leave-stdin-open", 0,
         FLAG(leave_stdin_open, "Leave stdin open when an attached client closes its side")},
        G_OPTION_ENTRY_NULL,
    };

    g_option_context_add_main_entries(context, entries, NULL);
}

static void
add_state_options(GOptionContext *context, HfOptions *o)
{
    const GOptionEntry entries[] = {
        {"process-dir", 0,
         TEXT(process_dir, "Where the process's state is kept, in containerd's layout", "DIR")},
        {"stdin-path", 0, TEXT(stdin_path, "A FIFO that stdin comes from", "PATH")},
        {"stdout-path", 0, TEXT(stdout_path, "A FIFO or file that stdout goes to", "PATH")},
        {"stderr-path", 0, TEXT(stderr_path, "A FIFO or file that stderr goes to", "PATH")},
        {"stdio-owner", 0,
         TEXT(stdio_owner, "Whom the container's standard streams belong to", "UID:GID")},
        {"adoptable", 0, FLAG(is_adoptable, "A monitor that dies can be replaced by --adopt")},
        {"adopt", 0, TEXT(adopt_dir, "Replace the monitor that died, which left DIR", "DIR")},
        {"adoption-dir", 0,
         TEXT(adoption_dir, "Where --adoptable keeps what --adopt needs", "DIR")},
        G_OPTION_ENTRY_NULL,
    };

    g_option_context_add_main_entries(context, entries, NULL);
}

static void
add_runtime_options(GOptionContext *context, HfOptions *o)
{
    const GOptionEntry entries[] = {
        {"runtime", 'r', TEXT(runtime, "The OCI runtime", "PROGRAM")},
        {"runtime-arg", 0, LIST(runtime_args, "An argument before the runtime's command", "ARG")},
        {"runtime-opt", 0, LIST(runtime_opts, "An option after the runtime's command", "OPT")},
        {"restore-arg", 0, HIDDEN_LIST(runtime_opts, "The same")},
        {"restore", 0, TEXT(restore_dir, "Restore the container from a checkpoint", "DIR")},
        {"exec", 'e', FLAG(is_exec, "Run a process in a running container")},
        {"exec-attach", 0, FLAG(is_exec_attach, "Let the engine attach before the process runs")},
        {"exec-process-spec", 0,
         TEXT(exec_process_spec, "The process to run, as OCI JSON", "FILE")},
        {"systemd-cgroup", 's', FLAG(use_systemd_cgroup, "The runtime asks systemd for cgroups")},
        {"no-pivot", 0, FLAG(no_pivot, "The runtime does not use pivot_root(2)")},
        {"no-new-keyring", 0, FLAG(no_new_keyring, "The container gets no session keyring")},
        {"replace-listen-pid", 0,
         FLAG(replace_listen_pid, "LISTEN_PID becomes the runtime's pid, whatever it was")},
        G_OPTION_ENTRY_NULL,
    };

    g_option_context_add_main_entries(context, entries, NULL);
}

static void
add_engine_options(GOptionContext *context, HfOptions *o)
{
    const GOptionEntry entries[] = {
        {"api-version", 0, FLAG(has_api_version, "Sync messages have the key \"data\"")},
        {"sync", 0, FLAG(is_sync, "Stay the engine's child; no --conmon-pidfile is written")},
        {"timeout", 'T', NUMBER(timeout_s, "Kill the process after this time", "SECONDS")},
        {"exit-command", 0, TEXT(exit_command, "Run this when the container has ended", "PROGRAM")},
        {"exit-command-arg", 0, LIST(exit_command_args, "An argument of it", "ARG")},
        {"exit-delay", 0, NUMBER(exit_delay_s, "Wait before the exit command", "SECONDS")},
        {"sdnotify-socket", 0,
         TEXT(sdnotify_socket, "Relay the container's sd_notify(3) to this socket", "SOCKET")},
        {"log-level", 0,
         TEXT(log_level, "What this program says: error, warning, info, debug", "LEVEL")},
        {"syslog", 0, FLAG(use_syslog, "Say it to the system log as well")},
        {"attach-buffer", 0, SIZE(attach_buffer, "What may wait for one attach client")},
        {"attach-timeout", 0,
         NUMBER(attach_timeout_s, "Drop a client that takes nothing for so long", "SECONDS")},
        {"attach-max", 0, NUMBER(attach_max, "How many clients may attach", "N")},
        {"hold-output", 0,
         NUMBER(hold_output_s, "Take no output before a client attaches, for so long", "SECONDS")},
        {"seccomp-notify-socket", 0,
         TEXT(seccomp_socket, "Answer what the container's seccomp filter hands over", "SOCKET")},
        {"seccomp-policy", 0, TEXT(seccomp_policy, "What is answered to it", "FILE")},
        {"sandbox", 0,
         TEXT(sandbox, "What this program gives up once the container runs: auto, strict, off",
              "MODE")},
        {"seccomp-notify-plugins", 0,
         LIST(seccomp_plugins_ignored, "Taken, and does nothing", "PLUGINS")},
        {"version", 0, FLAG(shows_version, "Print the version and exit")},
        G_OPTION_ENTRY_NULL,
    };

    g_option_context_add_main_entries(context, entries, NULL);
}

static void
add_log_options(GOptionContext *context, HfOptions *o)
{
    const GOptionEntry entries[] = {
        {"log-path", 'l',
         LIST(log_paths, "Where output goes; may be repeated (holdfast-monitor(8) has the drivers)",
              "DRIVER[:PATH]")},
        {"log-size-max", 0, SIZE(log_size_max, "How large a log file may grow")},
        {"log-global-size-max", 0, SIZE(log_global_size_max, "How much is logged in all")},
        {"log-rotate", 0, FLAG(log_rotate, "Keep --log-max-files full files, not one")},
        {"log-max-files", 0, NUMBER(log_files_max, "How many full files are kept", "N")},
        {"log-allowlist-dirs", 0, LIST(allowlist_ignored, "Taken, and does nothing", "DIR")},
        {"log-tag", 0, TEXT(log_tag, "A tag for the journal, the system log, or json-file", "TAG")},
        {"log-label", 0, LIST(log_labels, "A field for the journal or json-file", "NAME=VALUE")},
        {"no-container-partial-message", 0,
         FLAG(no_partial_mark, "No CONTAINER_PARTIAL_MESSAGE in the journal")},
        {"no-sync-log", 0, FLAG(no_sync_log, "Do not wait for the log to be on disk at the end")},
        {"log-mode", 0,
         LIST(log_modes, "blocking, or non-blocking: drop what is not taken in time",
              "[DRIVER=]MODE")},
        {"log-buffer", 0, TEXT(log_buffer, "What may wait with non-blocking (1m)", "SIZE")},
        {"log-compress", 0, FLAG(log_compress, "Compress full files, but the newest of them")},
        {"log-priority-prefix", 0,
         FLAG(log_priority_prefix, "\"<N>\" before a line is its priority in the journal")},
        {"log-utc", 0, FLAG(log_utc, "Time stamps in UTC")},
        {"log-line-max", 0, NUMBER(log_line_max, "Longer lines are split", "BYTES")},
        G_OPTION_ENTRY_NULL,
    };

    g_option_context_add_main_entries(context, entries, NULL);
}

static void
set_defaults(HfOptions *self)
{
    self->log_size_max = -1;
    self->log_global_size_max = -1;
    self->log_files_max = 1;
    self->log_line_max = DEFAULT_LINE_MAX;
    self->attach_buffer = DEFAULT_ATTACH_BUFFER;
    self->attach_timeout_s = DEFAULT_ATTACH_TIMEOUT_S;
    self->attach_max = DEFAULT_ATTACH_MAX;
    self->log_specs = g_array_new(FALSE, TRUE, sizeof(HfLogSpec));
    g_array_set_clear_func(self->log_specs, (GDestroyNotify)hf_log_spec_clear);
}

HfOptions *
hf_options_parse(int argc, char **argv, GError **error)
{
    g_autoptr(GOptionContext) context = g_option_context_new("- watch one container");
    g_autoptr(HfOptions) self = g_new0(HfOptions, 1);

    set_defaults(self);
    g_option_context_set_description(
        context, "The command line is conmon's; holdfast-monitor(8) says what each option does.");
    add_container_options(context, self);
    add_state_options(context, self);
    add_runtime_options(context, self);
    add_engine_options(context, self);
    add_log_options(context, self);
    if (!g_option_context_parse(context, &argc, &argv, error)) {
        g_prefix_error(error, "option parsing failed: ");
        return NULL;
    }
    if (self->socket_dir == NULL)
        self->socket_dir = g_strdup(DEFAULT_SOCKET_DIR);
    return g_steal_pointer(&self);
}

void
hf_options_free(HfOptions *self)
{
    if (self == NULL)
        return;
    char *strings[] = {
        self->container_id,     self->container_uuid, self->container_name,
        self->bundle,           self->persist_dir,    self->container_pid_file,
        self->monitor_pid_file, self->exit_dir,       self->socket_dir,
        self->runtime,          self->restore_dir,    self->exec_process_spec,
        self->exit_command,     self->log_level,      self->sdnotify_socket,
        self->log_tag,          self->log_buffer,     self->process_dir,
        self->stdin_path,       self->stdout_path,    self->stderr_path,
        self->stdio_owner,      self->adopt_dir,      self->adoption_dir,
        self->seccomp_socket,   self->seccomp_policy, self->sandbox,
    };
    char **lists[] = {
        self->runtime_args,      self->runtime_opts, self->exit_command_args,
        self->log_paths,         self->log_labels,   self->seccomp_plugins_ignored,
        self->allowlist_ignored, self->log_modes,
    };

    for (size_t i = 0; i < G_N_ELEMENTS(strings); i++)
        g_free(strings[i]);
    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++)
        g_strfreev(lists[i]);
    g_array_unref(self->log_specs);
    g_free(self);
}

bool
hf_options_has_log_driver(const HfOptions *self, HfLogDriver driver)
{
    for (guint i = 0; i < self->log_specs->len; i++) {
        if (g_array_index(self->log_specs, HfLogSpec, i).driver == driver)
            return true;
    }
    return false;
}

bool
hf_options_is_lossy(const HfOptions *self, HfLogDriver driver)
{
    bool is_lossy = false;

    for (char **mode = self->log_modes; mode != NULL && *mode != NULL; mode++) {
        g_auto(GStrv) words = g_strsplit(*mode, "=", 2);
        bool names_another =
            words[1] != NULL && strcmp(words[0], hf_log_driver_to_string(driver)) != 0;

        if (!names_another)
            is_lossy = strcmp(words[1] != NULL ? words[1] : words[0], "non-blocking") == 0;
    }
    return is_lossy;
}

const char *
hf_options_get_session_id(const HfOptions *self)
{
    return self->container_uuid != NULL ? self->container_uuid : self->container_id;
}

HfSyncKey
hf_options_get_sync_key(const HfOptions *self)
{
    if (self->has_api_version)
        return HF_SYNC_KEY_DATA;
    return self->is_exec ? HF_SYNC_KEY_EXIT_CODE : HF_SYNC_KEY_PID;
}
