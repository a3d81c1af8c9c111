/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "cgroup/cgroup-path.h"
#include "test-kit.h"

#define V1_MOUNTS                                                                              \
    "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"                                  \
    "31 23 0:28 / /sys/fs/cgroup ro,nosuid shared:9 - tmpfs tmpfs ro,mode=755\n"               \
    "32 31 0:30 / /sys/fs/cgroup/systemd rw shared:10 - cgroup cgroup rw,xattr,name=systemd\n" \
    "33 31 0:31 / /sys/fs/cgroup/cpu,cpuacct rw shared:11 - cgroup cgroup rw,cpu,cpuacct\n"    \
    "34 31 0:32 / /sys/fs/cgroup/memory rw shared:12 - cgroup cgroup rw,memory\n"

#define V2_MOUNTS                                             \
    "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n" \
    "35 24 0:27 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"

#define UNIFIED_MOUNT "36 31 0:33 / /sys/fs/cgroup/unified rw shared:13 - cgroup2 cgroup2 rw\n"

typedef struct {
    const char *proc_cgroup;
    const char *mountinfo;
    const char *controller;
    const char *path;
    HfCgroupVersion version;
} ResolveCase;

static void
check_cases(const ResolveCase *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const ResolveCase *c = &cases[i];
        g_autoptr(GError) error = NULL;
        HfCgroupVersion version = (HfCgroupVersion)-1;
        g_autofree char *path = NULL;

        g_test_message("case %zu", i);
        path =
            hf_cgroup_path_resolve(c->proc_cgroup, c->mountinfo, c->controller, &version, &error);

        g_assert_no_error(error);
        g_assert_cmpstr(path, ==, c->path);
        g_assert_cmpint((int)version, ==, (int)c->version);
    }
}

typedef struct {
    const char *proc_cgroup;
    const char *mountinfo;
    HfError code;
} FailCase;

static void
check_failures(const FailCase *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const FailCase *c = &cases[i];
        g_autoptr(GError) error = NULL;
        HfCgroupVersion version = (HfCgroupVersion)7;
        g_autofree char *path = NULL;

        g_test_message("case %zu", i);
        path = hf_cgroup_path_resolve(c->proc_cgroup, c->mountinfo, "memory", &version, &error);

        g_assert_null(path);
        g_assert_error(error, HF_ERROR, (int)c->code);
        g_assert_cmpint((int)version, ==, 7);
    }
}

static void
test_v1_hierarchy_by_controller(void)
{
    static const ResolveCase cases[] = {
        {"12:memory:/docker/abc\n11:cpu,cpuacct:/other\n1:name=systemd:/x\n", V1_MOUNTS, "memory",
         "/sys/fs/cgroup/memory/docker/abc", HF_CGROUP_V1},
        {"12:memory:/a\n11:cpu,cpuacct:/docker/abc\n", V1_MOUNTS, "cpu",
         "/sys/fs/cgroup/cpu,cpuacct/docker/abc", HF_CGROUP_V1},
        {"12:memory:/a\n11:cpu,cpuacct:/docker/abc\n", V1_MOUNTS, "cpuacct",
         "/sys/fs/cgroup/cpu,cpuacct/docker/abc", HF_CGROUP_V1},
        {"1:name=systemd:/x\n", V1_MOUNTS, "name=systemd", "/sys/fs/cgroup/systemd/x",
         HF_CGROUP_V1},
        {"12:memory:/\n", V1_MOUNTS, "memory", "/sys/fs/cgroup/memory", HF_CGROUP_V1},
        {"12:memory:/no-newline-at-the-end", V1_MOUNTS, "memory",
         "/sys/fs/cgroup/memory/no-newline-at-the-end", HF_CGROUP_V1},
    };

    check_cases(cases, G_N_ELEMENTS(cases));
}

static void
test_named_hierarchy_is_no_controller(void)
{
    static const ResolveCase cases[] = {
        {"3:name=memory:/wrong\n2:memory:/right\n0::/wrong\n",
         "40 31 0:40 / /named rw - cgroup cgroup rw,name=memory\n" V1_MOUNTS, "memory",
         "/sys/fs/cgroup/memory/right", HF_CGROUP_V1},
        {"3:memory2,xmemory:/wrong\n0::/right\n", V2_MOUNTS, "memory", "/sys/fs/cgroup/right",
         HF_CGROUP_V2},
    };

    check_cases(cases, G_N_ELEMENTS(cases));
}

static void
test_unified_hierarchy(void)
{
    static const ResolveCase cases[] = {
        {"0::/machine.slice/libpod-1.scope/container\n", V2_MOUNTS, "memory",
         "/sys/fs/cgroup/machine.slice/libpod-1.scope/container", HF_CGROUP_V2},
        {"0::/\n", V2_MOUNTS, "memory", "/sys/fs/cgroup", HF_CGROUP_V2},
        {"1:name=systemd:/v1\n0::/v2\n", V2_MOUNTS, "memory", "/sys/fs/cgroup/v2", HF_CGROUP_V2},
    };

    check_cases(cases, G_N_ELEMENTS(cases));
}

static void
test_hybrid_follows_the_controller(void)
{
    static const ResolveCase cases[] = {
        {"4:memory:/on/v1\n0::/on/v2\n", V1_MOUNTS UNIFIED_MOUNT, "memory",
         "/sys/fs/cgroup/memory/on/v1", HF_CGROUP_V1},
        {"0::/on/v2\n4:memory:/on/v1\n", UNIFIED_MOUNT V1_MOUNTS, "memory",
         "/sys/fs/cgroup/memory/on/v1", HF_CGROUP_V1},
        {"4:cpu,cpuacct:/on/v1\n0::/on/v2\n", V1_MOUNTS UNIFIED_MOUNT, "memory",
         "/sys/fs/cgroup/unified/on/v2", HF_CGROUP_V2},
    };

    check_cases(cases, G_N_ELEMENTS(cases));
}

static void
test_path_is_relative_to_the_mounts_root(void)
{
    static const ResolveCase cases[] = {
        {"4:memory:/docker/abc\n", "9 8 0:1 /docker/abc /cg rw - cgroup cgroup rw,memory\n",
         "memory", "/cg", HF_CGROUP_V1},
        {"4:memory:/docker/abc/inner/deep\n",
         "9 8 0:1 /docker/abc /cg rw - cgroup cgroup rw,memory\n", "memory", "/cg/inner/deep",
         HF_CGROUP_V1},
        {"0::/../sibling\n", "9 8 0:1 /.. /cg rw - cgroup2 cgroup2 rw\n", "memory", "/cg/sibling",
         HF_CGROUP_V2},
        {"0::/../../a/b\n", "9 8 0:1 /../../a /cg rw - cgroup2 cgroup2 rw\n", "memory", "/cg/b",
         HF_CGROUP_V2},
        {"0::/..hidden/a..b/..\xc3\xa9\n", V2_MOUNTS, "memory",
         "/sys/fs/cgroup/..hidden/a..b/..\xc3\xa9", HF_CGROUP_V2},
    };

    check_cases(cases, G_N_ELEMENTS(cases));
}

static void
test_cgroup_outside_of_every_mount_is_not_found(void)
{
    static const FailCase cases[] = {
        {"0::/other\n", "9 8 0:1 /docker/abc /cg rw - cgroup2 cgroup2 rw\n", HF_ERROR_NOT_FOUND},
        {"0::/docker/abcdef\n", "9 8 0:1 /docker/abc /cg rw - cgroup2 cgroup2 rw\n",
         HF_ERROR_NOT_FOUND},
        {"0::/../sibling\n", V2_MOUNTS, HF_ERROR_NOT_FOUND},
        {"0::/..\n", V2_MOUNTS, HF_ERROR_NOT_FOUND},
        {"0::/../../x\n", "9 8 0:1 /.. /cg rw - cgroup2 cgroup2 rw\n", HF_ERROR_NOT_FOUND},
        {"0::/below\n", "9 8 0:1 /.. /cg rw - cgroup2 cgroup2 rw\n", HF_ERROR_NOT_FOUND},
    };

    check_failures(cases, G_N_ELEMENTS(cases));
}

static void
test_odd_names(void)
{
    static const ResolveCase cases[] = {
        {"0::/a:b:c/with blank\n", V2_MOUNTS, "memory", "/sys/fs/cgroup/a:b:c/with blank",
         HF_CGROUP_V2},
        {"0::/system-foo\\x2dbar.slice/raw\\040name\n", V2_MOUNTS, "memory",
         "/sys/fs/cgroup/system-foo\\x2dbar.slice/raw\\040name", HF_CGROUP_V2},
        {"4:memory:/a b\\c/deep\n",
         "9 8 0:1 /a\\040b\\134c /cg\\040mount\\011tab rw - cgroup cgroup rw,memory\n", "memory",
         "/cg mount\ttab/deep", HF_CGROUP_V1},
        {"0::/gone (deleted)\n", V2_MOUNTS, "memory", "/sys/fs/cgroup/gone (deleted)",
         HF_CGROUP_V2},
        {"0::/x\n", "9 8 0:1 / /cut\\04 rw - cgroup2 cgroup2 rw\n", "memory", "/cut\\04/x",
         HF_CGROUP_V2},
    };

    check_cases(cases, G_N_ELEMENTS(cases));
}

static void
test_slices_scopes_and_what_engines_nest_in_them(void)
{
    static const ResolveCase cases[] = {
        {"0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-1.scope/container\n",
         V2_MOUNTS, "memory",
         "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-1.scope/"
         "container",
         HF_CGROUP_V2},
        {"4:memory:/kubepods.slice/kubepods-burstable.slice/cri-containerd-1.scope\n"
         "1:name=systemd:/kubepods.slice/x\n",
         V1_MOUNTS, "memory",
         "/sys/fs/cgroup/memory/kubepods.slice/kubepods-burstable.slice/cri-containerd-1.scope",
         HF_CGROUP_V1},
        {"4:memory:/docker/1/docker/2/init.scope\n",
         "9 8 0:1 /docker/1 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n", "memory",
         "/sys/fs/cgroup/memory/docker/2/init.scope", HF_CGROUP_V1},
    };

    check_cases(cases, G_N_ELEMENTS(cases));
}

static void
test_v1_names_with_colons_commas_and_blanks(void)
{
    static const ResolveCase cases[] = {
        {"4:memory:/a:b,memory: c\n", V1_MOUNTS, "memory", "/sys/fs/cgroup/memory/a:b,memory: c",
         HF_CGROUP_V1},
        {"5:cpuset:/x:memory:/wrong\n4:memory:/right\n", V1_MOUNTS, "memory",
         "/sys/fs/cgroup/memory/right", HF_CGROUP_V1},
    };

    check_cases(cases, G_N_ELEMENTS(cases));
}

static void
test_namespace_with_its_own_mount(void)
{
    static const ResolveCase cases[] = {
        /* The reader and the process are in the namespace's root, where it mounted cgroups. */
        {"0::/\n", "9 8 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n", "memory", "/sys/fs/cgroup",
         HF_CGROUP_V2},
        /* The process is below it. */
        {"0::/pod/ctr\n", "9 8 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n", "memory",
         "/sys/fs/cgroup/pod/ctr", HF_CGROUP_V2},
        /* The host's mount is there, too, and shows the namespace's root from above. */
        {"0::/pod\n",
         "8 1 0:1 /../.. /host rw - cgroup2 cgroup rw\n"
         "9 1 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n",
         "memory", "/sys/fs/cgroup/pod", HF_CGROUP_V2},
    };

    check_cases(cases, G_N_ELEMENTS(cases));
}

static void
test_no_controller_is_the_unified_hierarchy(void)
{
    static const ResolveCase cases[] = {
        {"4:memory:/on/v1\n0::/on/v2\n", V1_MOUNTS UNIFIED_MOUNT, NULL,
         "/sys/fs/cgroup/unified/on/v2", HF_CGROUP_V2},
    };
    g_autoptr(GError) error = NULL;
    HfCgroupVersion version = HF_CGROUP_V1;

    check_cases(cases, G_N_ELEMENTS(cases));
    g_assert_null(hf_cgroup_path_resolve("4:memory:/x\n", V1_MOUNTS, NULL, &version, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_NOT_FOUND);
}

static void
test_optional_fields_and_empty_source(void)
{
    static const ResolveCase cases[] = {
        {"0::/x\n", "9 8 0:1 / /none rw - cgroup2 cgroup2 rw\n", "memory", "/none/x", HF_CGROUP_V2},
        {"0::/x\n", "9 8 0:1 / /two rw shared:1 master:2 - cgroup2 cgroup2 rw\n", "memory",
         "/two/x", HF_CGROUP_V2},
        {"4:memory:/x\n", "9 8 0:1 / /empty rw shared:1 - cgroup  rw,memory\n", "memory",
         "/empty/x", HF_CGROUP_V1},
    };

    check_cases(cases, G_N_ELEMENTS(cases));
}

static void
test_mount_that_reaches_the_cgroup_is_taken(void)
{
    static const ResolveCase cases[] = {
        {"0::/b/x\n",
         "8 1 0:1 /a /first rw - cgroup2 cgroup2 rw\n"
         "9 1 0:1 /b /second rw - cgroup2 cgroup2 rw\n",
         "memory", "/second/x", HF_CGROUP_V2},
        {"0::/b/x\n",
         "8 1 0:1 / /first rw - cgroup2 cgroup2 rw\n"
         "9 1 0:1 /b /second rw - cgroup2 cgroup2 rw\n",
         "memory", "/first/b/x", HF_CGROUP_V2},
    };

    check_cases(cases, G_N_ELEMENTS(cases));
}

static void
test_covered_mount_is_not_taken(void)
{
    static const ResolveCase cases[] = {
        {"0::/b/x\n",
         "8 1 0:1 / /cg rw - cgroup2 cgroup2 rw\n"
         "9 8 0:1 /b /cg rw - cgroup2 cgroup2 rw\n",
         "memory", "/cg/x", HF_CGROUP_V2},
        {"0::/b/x\n",
         "8 1 0:1 / /cg rw - cgroup2 cgroup2 rw\n"
         "9 8 0:1 /b /cg/inside rw - cgroup2 cgroup2 rw\n",
         "memory", "/cg/b/x", HF_CGROUP_V2},
    };

    check_cases(cases, G_N_ELEMENTS(cases));
}

static void
test_lines_of_other_file_systems_are_passed_over(void)
{
    static const ResolveCase cases[] = {
        {"0::/x\n",
         "\n-\n - \nrubbish\n1 2 3\n9 8 0:1 / /p rw -\n9 8 0:1 / /p rw - cgroup2 x\n"
         "9 8 0:1 / /fuse rw - fuse.cgroup2 cgroup2 rw\n" V2_MOUNTS,
         "memory", "/sys/fs/cgroup/x", HF_CGROUP_V2},
        {"0::/x\n", "9 8 0:1 / no-path rw - cgroup2 cgroup2 rw\n" V2_MOUNTS, "memory",
         "/sys/fs/cgroup/x", HF_CGROUP_V2},
    };

    check_cases(cases, G_N_ELEMENTS(cases));
}

static void
test_missing_hierarchy_or_mount_is_not_found(void)
{
    static const FailCase cases[] = {
        {"", V2_MOUNTS, HF_ERROR_NOT_FOUND},
        {"1:name=systemd:/x\n", V1_MOUNTS, HF_ERROR_NOT_FOUND},
        {"4:memory:/x\n0::/x\n", V2_MOUNTS, HF_ERROR_NOT_FOUND},
        {"0::/x\n", V1_MOUNTS, HF_ERROR_NOT_FOUND},
        {"0::/x\n", "", HF_ERROR_NOT_FOUND},
    };

    check_failures(cases, G_N_ELEMENTS(cases));
}

static void
test_garbage_is_a_protocol_error(void)
{
    static const FailCase cases[] = {
        {"memory\n", V1_MOUNTS, HF_ERROR_PROTOCOL},
        {"4:memory\n", V1_MOUNTS, HF_ERROR_PROTOCOL},
        {"4:memory:\n", V1_MOUNTS, HF_ERROR_PROTOCOL},
        {"4:memory:relative\n", V1_MOUNTS, HF_ERROR_PROTOCOL},
        {"0::/fine\n\xff\xfe\n", V2_MOUNTS, HF_ERROR_PROTOCOL},
    };

    check_failures(cases, G_N_ELEMENTS(cases));
}

static void
test_own_process_has_a_directory_with_its_pid(void)
{
    static const char *const controllers[] = {"memory", "cpu", "pids", "name=systemd"};
    bool was_found = false;

    for (guint i = 0; i < G_N_ELEMENTS(controllers); i++) {
        HfCgroupVersion version = HF_CGROUP_V2;
        g_autoptr(GError) error = NULL;
        g_autofree char *path =
            hf_cgroup_path_of_process(getpid(), controllers[i], &version, &error);

        if (path == NULL) {
            g_assert_error(error, HF_ERROR, HF_ERROR_NOT_FOUND);
            continue;
        }
        g_autofree char *pids = hf_test_read_file(path, "cgroup.procs");
        g_autofree char *lines = g_strdup_printf("\n%s", pids);
        g_autofree char *line = g_strdup_printf("\n%d\n", (int)getpid());

        g_assert_nonnull(strstr(lines, line));
        was_found = true;
    }

    if (!was_found)
        g_test_skip("no cgroup file system is mounted here");
}

static void
test_process_that_is_gone_is_an_error(void)
{
    HfCgroupVersion version = HF_CGROUP_V2;
    g_autoptr(GError) error = NULL;
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
    g_autofree char *path = hf_cgroup_path_of_process(pid, "memory", &version, &error);

    g_assert_null(path);
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/cgroup/cgroup-path/v1-hierarchy-by-controller", test_v1_hierarchy_by_controller);
    hf_test_add("/cgroup/cgroup-path/named-hierarchy-is-no-controller",
                test_named_hierarchy_is_no_controller);
    hf_test_add("/cgroup/cgroup-path/unified-hierarchy", test_unified_hierarchy);
    hf_test_add("/cgroup/cgroup-path/hybrid-follows-the-controller",
                test_hybrid_follows_the_controller);
    hf_test_add("/cgroup/cgroup-path/path-is-relative-to-the-mounts-root",
                test_path_is_relative_to_the_mounts_root);
    hf_test_add("/cgroup/cgroup-path/cgroup-outside-of-every-mount-is-not-found",
                test_cgroup_outside_of_every_mount_is_not_found);
    hf_test_add("/cgroup/cgroup-path/odd-names", test_odd_names);
    hf_test_add("/cgroup/cgroup-path/slices-scopes-and-what-engines-nest-in-them",
                test_slices_scopes_and_what_engines_nest_in_them);
    hf_test_add("/cgroup/cgroup-path/v1-names-with-colons-commas-and-blanks",
                test_v1_names_with_colons_commas_and_blanks);
    hf_test_add("/cgroup/cgroup-path/namespace-with-its-own-mount",
                test_namespace_with_its_own_mount);
    hf_test_add("/cgroup/cgroup-path/no-controller-is-the-unified-hierarchy",
                test_no_controller_is_the_unified_hierarchy);
    hf_test_add("/cgroup/cgroup-path/optional-fields-and-empty-source",
                test_optional_fields_and_empty_source);
    hf_test_add("/cgroup/cgroup-path/mount-that-reaches-the-cgroup-is-taken",
                test_mount_that_reaches_the_cgroup_is_taken);
    hf_test_add("/cgroup/cgroup-path/covered-mount-is-not-taken", test_covered_mount_is_not_taken);
    hf_test_add("/cgroup/cgroup-path/lines-of-other-file-systems-are-passed-over",
                test_lines_of_other_file_systems_are_passed_over);
    hf_test_add("/cgroup/cgroup-path/missing-hierarchy-or-mount-is-not-found",
                test_missing_hierarchy_or_mount_is_not_found);
    hf_test_add("/cgroup/cgroup-path/garbage-is-a-protocol-error",
                test_garbage_is_a_protocol_error);
    hf_test_add("/cgroup/cgroup-path/own-process-has-a-directory-with-its-pid",
                test_own_process_has_a_directory_with_its_pid);
    hf_test_add("/cgroup/cgroup-path/process-that-is-gone-is-an-error",
                test_process_that_is_gone_is_an_error);
    return g_test_run();
}
