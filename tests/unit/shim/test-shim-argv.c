/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include <glib.h>

#include "shim/shim-argv.h"
#include "test-kit.h"

#define COMMON                                                                             \
    "MONITOR --sync --api-version --cid ID --cuuid=%s --name=ID --bundle=/bundle "         \
    "--process-dir=%s --container-pidfile=%s/pid --runtime=/bin/runc --runtime-arg=--log " \
    "--runtime-arg=%s/log.json --runtime-arg=--log-format --runtime-arg=json"
#define DELETE "--exit-command-arg=delete --exit-command-arg=--force --exit-command-arg=ID"
#define ARGS "\"args\":[\"sh\"]"
#define IN_INIT "/state/ID/init"
#define IN_EXEC "/state/ID/exec1"

/* What stands behind what every process has. */
static const struct {
    const char *json;
    const char *dir;
    bool is_adopting;
    const char *expected;
} cases[] = {
    {"{" ARGS "}", IN_INIT, false, "--exit-command=/bin/runc " DELETE},
    {"{" ARGS "}", IN_INIT, true, "--exit-command=/bin/runc " DELETE " --adopt=" IN_INIT},
    {"{" ARGS ",\"runtimeArgs\":[\"--root\",\"-x\"]}", IN_INIT, false,
     "--runtime-arg=--root --runtime-arg=-x --exit-command=/bin/runc --exit-command-arg=--root "
     "--exit-command-arg=-x " DELETE},
    {"{" ARGS ",\"runtimeArgs\":null,\"noPivotRoot\":true}", IN_INIT, false,
     "--no-pivot --exit-command=/bin/runc " DELETE},
    {"{" ARGS
     ",\"containerdStdin\":\"/i\",\"containerdStdout\":\"/o\",\"containerdStderr\":\"/e\"}",
     IN_INIT, false,
     "--stdin --stdin-path=/i --stdout-path=/o --stderr-path=/e --exit-command=/bin/runc " DELETE},
    {"{" ARGS ",\"containerdStdin\":\"\",\"containerdStdout\":\"/dev/null\"}", IN_INIT, false,
     "--exit-command=/bin/runc " DELETE},
    {"{" ARGS ",\"terminal\":true,\"containerdStdin\":\"/i\",\"containerdStdout\":\"/o\","
     "\"containerdStderr\":\"/e\"}",
     IN_INIT, false,
     "--terminal --stdin-path=/i --stdout-path=/o --exit-command=/bin/runc " DELETE},
    {"{" ARGS ",\"rootUID\":1000,\"rootGID\":0}", IN_INIT, false,
     "--stdio-owner=1000:0 --exit-command=/bin/runc " DELETE},
    {"{" ARGS ",\"rootGID\":4294967295}", IN_INIT, false,
     "--stdio-owner=0:4294967295 --exit-command=/bin/runc " DELETE},
    {"{" ARGS ",\"checkpoint\":\"/cp\",\"noPivotRoot\":true}", IN_INIT, false,
     "--no-pivot --restore=/cp --runtime-opt=--tcp-established --exit-command=/bin/runc " DELETE},
    {"{" ARGS ",\"monitorArgs\":[\"--log-path=none\",\"-i\"]}", IN_INIT, false,
     "--exit-command=/bin/runc " DELETE " --log-path=none -i"},
    {"{" ARGS ",\"monitorArgs\":[\"--exit-command=/x\",\"--exit-command-arg=y\"]}", IN_INIT, false,
     "--exit-command=/x --exit-command-arg=y"},
    {"{" ARGS ",\"exec\":true,\"terminal\":true,\"monitorArgs\":[\"--stdin\"]}", IN_EXEC, false,
     "--exec --exec-process-spec=/spec --terminal"},
    {"{" ARGS ",\"exec\":true,\"monitorArgs\":[\"--stdin\"]}", IN_EXEC, false,
     "--exec --exec-process-spec=/spec --stdin"},
    {"{" ARGS ",\"exec\":true,\"noPivotRoot\":true,\"checkpoint\":\"/cp\"}", IN_EXEC, false,
     "--exec --exec-process-spec=/spec"},
    {"{" ARGS ",\"exec\":true,\"terminal\":true}", IN_EXEC, false,
     "--exec --exec-process-spec=/spec --terminal"},
};

static void
test_command_lines(void)
{
    static const char *const restore_options[] = {"--tcp-established", NULL};

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        const char *dir = cases[i].dir;
        g_autoptr(GError) error = NULL;
        g_autoptr(HfProcessFile) file =
            hf_process_file_parse(cases[i].json, strlen(cases[i].json), &error);
        g_assert_no_error(error);
        const HfShimRequest request = {
            .monitor = "MONITOR",
            .container_id = "ID",
            .bundle = "/bundle",
            .runtime = "/bin/runc",
            .process_dir = dir,
            .spec = "/spec",
            .restore_options = restore_options,
            .is_adopting = cases[i].is_adopting,
        };

        g_auto(GStrv) argv = hf_shim_argv_new(&request, file);

        g_autofree char *line = g_strjoinv(" ", argv);
        g_autofree char *common =
            g_strdup_printf(COMMON, file->is_exec ? "exec1" : "ID", dir, dir, dir);
        g_autofree char *expected = g_strconcat(common, " ", cases[i].expected, NULL);
        g_assert_cmpstr(line, ==, expected);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/shim/shim-argv/command-lines", test_command_lines);
    return g_test_run();
}
