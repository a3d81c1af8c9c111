/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "cli/cli.h"
#include "cli/failure.h"
#include "test-kit.h"

#define RUNC "container 'c': runc create failed: unable to start container process: "

/* What runc 1.1 and crun 1.8 say. */
static void
test_the_commands_fault_is_told_from_others(void)
{
    static const struct {
        const char *message;
        int status;
    } cases[] = {
        {RUNC "exec: \"nosuch\": executable file not found in $PATH", HF_CLI_NO_COMMAND},
        {RUNC "exec: \"/no/such\": stat /no/such: no such file or directory", HF_CLI_NO_COMMAND},
        {RUNC "exec: \"/etc/x\": permission denied", HF_CLI_CANNOT_INVOKE},
        {RUNC "exec: \"/bin\": is a directory", HF_CLI_CANNOT_INVOKE},
        {"exec failed: unable to start container process: exec: \"x\": executable file not found "
         "in $PATH",
         HF_CLI_NO_COMMAND},
        {"executable file `nosuch` not found in $PATH: No such file or directory",
         HF_CLI_NO_COMMAND},
        {"open executable: Permission denied", HF_CLI_CANNOT_INVOKE},
        {"open executable: No such file or directory", HF_CLI_NO_COMMAND},
        {"exec container process `/bin/x`: Exec format error", HF_CLI_CANNOT_INVOKE},
        /* The container's other parts. */
        {RUNC "error during container init: error mounting \"/data\" to rootfs at \"/data\": stat "
              "/data: no such file or directory",
         HF_CLI_FAILED},
        {"container 'executor': runc create failed: mkdir /sys/fs/cgroup/x: permission denied",
         HF_CLI_FAILED},
        {"", HF_CLI_FAILED},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error =
            g_error_new_literal(HF_ERROR, HF_ERROR_RUNTIME_FAILED, cases[i].message);

        g_test_message("%s", cases[i].message);
        g_assert_cmpint(hf_failure_to_status(error), ==, cases[i].status);
    }
}

static void
test_what_the_runtime_did_not_say_is_no_fault_of_the_command(void)
{
    g_autoptr(GError) error = g_error_new_literal(
        HF_ERROR, HF_ERROR_NOT_FOUND, "exec: \"runc\": executable file not found in $PATH");

    g_assert_cmpint(hf_failure_to_status(error), ==, HF_CLI_FAILED);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    hf_test_add("/cli/failure/the-commands-fault-is-told-from-others",
                test_the_commands_fault_is_told_from_others);
    hf_test_add("/cli/failure/what-the-runtime-did-not-say-is-no-fault-of-the-command",
                test_what_the_runtime_did_not_say_is_no_fault_of_the_command);
    return g_test_run();
}
