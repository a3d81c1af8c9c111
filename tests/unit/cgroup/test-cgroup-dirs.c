/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "cgroup/cgroup-dirs.h"
#include "test-kit.h"

#define V2_MOUNT "35 24 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
#define V1_MOUNTS                                                      \
    "33 31 0:31 / /cg/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n" \
    "34 31 0:32 / /cg/memory rw - cgroup cgroup rw,memory\n"           \
    "35 31 0:33 / /cg/systemd rw - cgroup cgroup rw,name=systemd\n"
#define UNIFIED_MOUNT "36 31 0:34 / /cg/unified rw - cgroup2 cgroup2 rw\n"

static HfCgroupDirs *
resolve(const char *proc_cgroup, const char *mountinfo)
{
    g_autoptr(GError) error = NULL;
    HfCgroupDirs *dirs = hf_cgroup_dirs_new_from_texts(proc_cgroup, mountinfo, &error);

    g_assert_no_error(error);
    g_assert_nonnull(dirs);
    return dirs;
}

static void
assert_found(const HfCgroupDirs *dirs, HfCgroupController controller, const char *path,
             HfCgroupVersion version)
{
    HfCgroupVersion found = (HfCgroupVersion)7;

    g_assert_cmpstr(hf_cgroup_dirs_find(dirs, controller, &found), ==, path);
    g_assert_cmpint((int)found, ==, (int)version);
}

static void
test_v2_has_one_directory(void)
{
    g_autoptr(HfCgroupDirs) dirs = resolve("0::/pod/ctr\n", V2_MOUNT);

    g_assert_cmpstr(dirs->unified, ==, "/sys/fs/cgroup/pod/ctr");
    for (guint i = 0; i < HF_CGROUP_N_CONTROLLERS; i++)
        assert_found(dirs, i, "/sys/fs/cgroup/pod/ctr", HF_CGROUP_V2);
}

static void
test_v1_has_one_for_each_hierarchy(void)
{
    g_autoptr(HfCgroupDirs) dirs =
        resolve("4:memory:/a\n3:cpu,cpuacct:/b\n1:name=systemd:/c\n", V1_MOUNTS);

    g_assert_null(dirs->unified);
    assert_found(dirs, HF_CGROUP_MEMORY, "/cg/memory/a", HF_CGROUP_V1);
    assert_found(dirs, HF_CGROUP_CPU, "/cg/cpu,cpuacct/b", HF_CGROUP_V1);
    assert_found(dirs, HF_CGROUP_CPUACCT, "/cg/cpu,cpuacct/b", HF_CGROUP_V1);
    assert_found(dirs, HF_CGROUP_PIDS, NULL, HF_CGROUP_V2);
}

static void
test_hybrid_has_both(void)
{
    g_autoptr(HfCgroupDirs) dirs = resolve("4:memory:/a\n0::/u\n", V1_MOUNTS UNIFIED_MOUNT);

    assert_found(dirs, HF_CGROUP_MEMORY, "/cg/memory/a", HF_CGROUP_V1);
    assert_found(dirs, HF_CGROUP_PIDS, "/cg/unified/u", HF_CGROUP_V2);
    g_assert_cmpstr(dirs->unified, ==, "/cg/unified/u");
}

static void
test_hierarchy_that_no_mount_reaches_is_left_out(void)
{
    g_autoptr(HfCgroupDirs) dirs = resolve("5:pids:/p\n4:memory:/a\n0::/u\n", V1_MOUNTS);

    g_assert_null(dirs->unified);
    g_assert_null(dirs->v1[HF_CGROUP_PIDS]);
    assert_found(dirs, HF_CGROUP_MEMORY, "/cg/memory/a", HF_CGROUP_V1);
}

static void
test_no_cgroup_at_all_is_not_found(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(hf_cgroup_dirs_new_from_texts("0::/u\n", V1_MOUNTS, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_NOT_FOUND);
}

static void
test_garbage_is_a_protocol_error(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(hf_cgroup_dirs_new_from_texts("rubbish\n", V2_MOUNT, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
}

static void
test_stored_text_gives_the_same(void)
{
    static const char mounts[] = "34 31 0:32 / /cg\\012x rw - cgroup cgroup rw,memory\n"
                                 "36 31 0:34 / /cg/unified rw - cgroup2 cgroup2 rw\n";
    g_autoptr(HfCgroupDirs) dirs =
        resolve("4:memory:/a b:c\\x2d \xc3\xa9\xff\"\n0::/end\\\n", mounts);
    g_autofree char *text = hf_cgroup_dirs_to_text(dirs);
    g_autoptr(GError) error = NULL;
    g_autoptr(HfCgroupDirs) again = hf_cgroup_dirs_new_from_text(text, strlen(text), &error);

    g_assert_no_error(error);
    g_assert_cmpstr(dirs->v1[HF_CGROUP_MEMORY], ==, "/cg\nx/a b:c\\x2d \xc3\xa9\xff\"");
    g_assert_cmpstr(again->v1[HF_CGROUP_MEMORY], ==, dirs->v1[HF_CGROUP_MEMORY]);
    g_assert_cmpstr(again->unified, ==, "/cg/unified/end\\");
    g_assert_null(again->v1[HF_CGROUP_CPU]);
}

static void
test_stored_text_as_it_is_written(void)
{
    g_autoptr(HfCgroupDirs) dirs =
        resolve("4:memory:/a\n0::/\xc3\xa9 u\n", V1_MOUNTS UNIFIED_MOUNT);
    g_autofree char *text = hf_cgroup_dirs_to_text(dirs);

    g_assert_cmpstr(text, ==, "memory /cg/memory/a\nunified /cg/unified/\\303\\251 u\n");
}

static void
test_names_of_later_programs_are_passed_over(void)
{
    static const char text[] = "teleport /cg/t\nunified /cg/u\n";
    g_autoptr(GError) error = NULL;
    g_autoptr(HfCgroupDirs) dirs = hf_cgroup_dirs_new_from_text(text, strlen(text), &error);

    g_assert_no_error(error);
    g_assert_cmpstr(dirs->unified, ==, "/cg/u");
}

static void
test_stored_garbage_is_a_protocol_error(void)
{
    static const char *const texts[] = {
        "",
        "\n",
        "memory\n",
        "memory \n",
        "memory relative\n",
        "memory /a\nmemory /b\n",
        "teleport /cg/t\n",
        "unified /a\\\n",
        "unified /a\\\\\\\n",
        "\xff\xfe\n",
    };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;

        g_test_message("case %u", i);
        g_assert_null(hf_cgroup_dirs_new_from_text(texts[i], strlen(texts[i]), &error));
        g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
    }
}

static void
test_stored_nul_is_a_protocol_error(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(hf_cgroup_dirs_new_from_text("unified /a\0b\n", 13, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
}

static void
test_own_process_has_directories(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HfCgroupDirs) dirs = hf_cgroup_dirs_new_for_process(getpid(), &error);

    if (dirs == NULL) {
        g_assert_error(error, HF_ERROR, HF_ERROR_NOT_FOUND);
        g_test_skip(error->message);
        return;
    }
    for (guint i = 0; i < HF_CGROUP_N_CONTROLLERS; i++)
        g_assert_true(dirs->v1[i] == NULL || hf_test_file_exists(dirs->v1[i], "cgroup.procs"));
    g_assert_true(dirs->unified == NULL || hf_test_file_exists(dirs->unified, "cgroup.procs"));
}

static void
test_zombie_has_none(void)
{
    g_autoptr(GError) error = NULL;
    siginfo_t info;
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    g_assert_cmpint(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), ==, 0);
    HfCgroupDirs *dirs = hf_cgroup_dirs_new_for_process(pid, &error);

    g_assert_null(dirs);
    g_assert_error(error, HF_ERROR, HF_ERROR_NOT_FOUND);
    g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
}

static void
test_process_that_is_gone_has_none(void)
{
    g_autoptr(GError) error = NULL;
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);

    g_assert_null(hf_cgroup_dirs_new_for_process(pid, &error));
    g_assert_error(error, HF_ERROR, HF_ERROR_NOT_FOUND);
}

static void
test_free_accepts_null(void)
{
    hf_cgroup_dirs_free(NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/cgroup/cgroup-dirs/v2-has-one-directory", test_v2_has_one_directory);
    hf_test_add("/cgroup/cgroup-dirs/v1-has-one-for-each-hierarchy",
                test_v1_has_one_for_each_hierarchy);
    hf_test_add("/cgroup/cgroup-dirs/hybrid-has-both", test_hybrid_has_both);
    hf_test_add("/cgroup/cgroup-dirs/hierarchy-that-no-mount-reaches-is-left-out",
                test_hierarchy_that_no_mount_reaches_is_left_out);
    hf_test_add("/cgroup/cgroup-dirs/no-cgroup-at-all-is-not-found",
                test_no_cgroup_at_all_is_not_found);
    hf_test_add("/cgroup/cgroup-dirs/garbage-is-a-protocol-error",
                test_garbage_is_a_protocol_error);
    hf_test_add("/cgroup/cgroup-dirs/stored-text-gives-the-same", test_stored_text_gives_the_same);
    hf_test_add("/cgroup/cgroup-dirs/stored-text-as-it-is-written",
                test_stored_text_as_it_is_written);
    hf_test_add("/cgroup/cgroup-dirs/names-of-later-programs-are-passed-over",
                test_names_of_later_programs_are_passed_over);
    hf_test_add("/cgroup/cgroup-dirs/stored-garbage-is-a-protocol-error",
                test_stored_garbage_is_a_protocol_error);
    hf_test_add("/cgroup/cgroup-dirs/stored-nul-is-a-protocol-error",
                test_stored_nul_is_a_protocol_error);
    hf_test_add("/cgroup/cgroup-dirs/own-process-has-directories",
                test_own_process_has_directories);
    hf_test_add("/cgroup/cgroup-dirs/zombie-has-none", test_zombie_has_none);
    hf_test_add("/cgroup/cgroup-dirs/process-that-is-gone-has-none",
                test_process_that_is_gone_has_none);
    hf_test_add("/cgroup/cgroup-dirs/free-accepts-null", test_free_accepts_null);
    return g_test_run();
}
