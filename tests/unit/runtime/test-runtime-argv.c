/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "runtime/runtime-argv.h"
#include "test-kit.h"

typedef struct {
    HfRuntimeRequest request;
    const char *expected;
} ArgvCase;

static const char *const two_globals[] = {"--root=/r", "--log", NULL};
static const char *const two_opts[] = {"--preserve-fds", "2", NULL};
static const char *const none[] = {NULL};

static void
check_cases(const ArgvCase *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        g_auto(GStrv) argv = hf_runtime_argv_new(&cases[i].request);
        g_autofree char *joined = g_strjoinv("|", argv);

        g_assert_cmpstr(joined, ==, cases[i].expected);
    }
}

static void
test_create(void)
{
    static const ArgvCase cases[] = {
        {{.action = HF_RUNTIME_CREATE,
          .runtime = "/usr/bin/runc",
          .container_id = "c1",
          .bundle = "/b",
          .pid_file = "/p"},
         "/usr/bin/runc|create|--bundle|/b|--pid-file|/p|c1"},
        {{.action = HF_RUNTIME_CREATE,
          .runtime = "runc",
          .container_id = "c1",
          .bundle = "/b",
          .pid_file = "/p",
          .use_systemd_cgroup = true},
         "runc|--systemd-cgroup|create|--bundle|/b|--pid-file|/p|c1"},
        {{.action = HF_RUNTIME_CREATE,
          .runtime = "runc",
          .container_id = "c1",
          .bundle = "/b",
          .pid_file = "/p",
          .no_pivot = true},
         "runc|create|--bundle|/b|--pid-file|/p|--no-pivot|c1"},
        {{.action = HF_RUNTIME_CREATE,
          .runtime = "runc",
          .container_id = "c1",
          .bundle = "/b",
          .pid_file = "/p",
          .no_new_keyring = true},
         "runc|create|--bundle|/b|--pid-file|/p|--no-new-keyring|c1"},
        {{.action = HF_RUNTIME_CREATE,
          .runtime = "runc",
          .container_id = "c1",
          .bundle = "/b",
          .pid_file = "/p",
          .console_socket = "/s"},
         "runc|create|--bundle|/b|--pid-file|/p|--console-socket|/s|c1"},
        {{.action = HF_RUNTIME_CREATE,
          .runtime = "runc",
          .container_id = "c 1",
          .bundle = "/a bundle",
          .pid_file = "",
          .global_args = none,
          .action_opts = none},
         "runc|create|--bundle|/a bundle|--pid-file||c 1"},
        {{.action = HF_RUNTIME_CREATE,
          .runtime = "runc",
          .container_id = "c1",
          .bundle = "/b",
          .pid_file = "/p",
          .console_socket = "/s",
          .process_spec = "/ignored",
          .checkpoint_dir = "/ignored",
          .global_args = two_globals,
          .action_opts = two_opts,
          .use_systemd_cgroup = true,
          .no_pivot = true,
          .no_new_keyring = true},
         "runc|--systemd-cgroup|--root=/r|--log|create|--bundle|/b|--pid-file|/p|--no-pivot|"
         "--no-new-keyring|--preserve-fds|2|--console-socket|/s|c1"},
    };

    check_cases(cases, G_N_ELEMENTS(cases));
}

static void
test_restore(void)
{
    static const ArgvCase cases[] = {
        {{.action = HF_RUNTIME_RESTORE,
          .runtime = "runc",
          .container_id = "c1",
          .bundle = "/b",
          .pid_file = "/p",
          .checkpoint_dir = "/i"},
         "runc|restore|--bundle|/b|--pid-file|/p|--detach|--image-path|/i|--work-path|/b|c1"},
        {{.action = HF_RUNTIME_RESTORE,
          .runtime = "runc",
          .container_id = "c1",
          .bundle = "/b",
          .pid_file = "/p",
          .console_socket = "/s",
          .checkpoint_dir = "/i",
          .global_args = two_globals,
          .action_opts = two_opts,
          .use_systemd_cgroup = true,
          .no_pivot = true,
          .no_new_keyring = true},
         "runc|--systemd-cgroup|--root=/r|--log|restore|--bundle|/b|--pid-file|/p|--no-pivot|"
         "--no-new-keyring|--detach|--image-path|/i|--work-path|/b|--preserve-fds|2|"
         "--console-socket|/s|c1"},
    };

    check_cases(cases, G_N_ELEMENTS(cases));
}

static void
test_exec(void)
{
    static const ArgvCase cases[] = {
        {{.action = HF_RUNTIME_EXEC,
          .runtime = "runc",
          .container_id = "c1",
          .pid_file = "/p",
          .process_spec = "/spec"},
         "runc|exec|--pid-file|/p|--process|/spec|--detach|c1"},
        {{.action = HF_RUNTIME_EXEC,
          .runtime = "runc",
          .container_id = "c1",
          .bundle = "/ignored",
          .pid_file = "/p",
          .console_socket = "/s",
          .process_spec = "/spec",
          .global_args = two_globals,
          .action_opts = two_opts,
          .use_systemd_cgroup = true,
          .no_pivot = true,
          .no_new_keyring = true},
         "runc|--root=/r|--log|exec|--pid-file|/p|--process|/spec|--detach|--preserve-fds|2|"
         "--console-socket|/s|c1"},
    };

    check_cases(cases, G_N_ELEMENTS(cases));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/runtime/runtime-argv/create", test_create);
    hf_test_add("/runtime/runtime-argv/restore", test_restore);
    hf_test_add("/runtime/runtime-argv/exec-without-what-is-for-create-alone", test_exec);
    return g_test_run();
}
