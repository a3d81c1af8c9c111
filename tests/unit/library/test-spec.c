/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <holdfast/mount.h>
#include <holdfast/spec.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "test-kit.h"

#define ROOT_IN_A_NAMESPACE                                                                   \
    "{\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"user\"}],\"uidMappings\":%s," \
    "\"gidMappings\":%s}}"

static HfSpec *
parse(const char *json)
{
    g_autoptr(GError) error = NULL;
    HfSpec *spec = hf_spec_new_from_json(json, &error);

    g_assert_no_error(error);
    return spec;
}

static void
test_everything_is_kept(void)
{
    static const char json[] =
        "{\"ociVersion\":\"1.0.2\",\"process\":{\"args\":[\"sh\"],\"rlimits\":[{\"hard\":"
        "18446744073709551615}]},\"root\":{\"path\":\"rootfs\"},\"linux\":{\"resources\":{"
        "\"cpu\":{\"quota\":-1,\"shares\":1e3}}},\"later\":[null]}";
    g_autoptr(HfSpec) spec = parse(json);

    g_autofree char *printed = hf_spec_to_json(spec);

    g_assert_cmpstr(printed, ==, json);
}

static void
test_process_and_rootfs_are_found(void)
{
    g_autoptr(HfSpec) spec =
        parse("{\"process\":{\"args\":[\"sh\"],\"terminal\":true},\"root\":{\"path\":\"rootfs\"}}");

    g_autoptr(HfProcessSpec) process = hf_spec_dup_process(spec);
    g_autofree char *rootfs = hf_spec_dup_rootfs(spec);

    g_assert_true(hf_process_spec_get_terminal(process));
    g_assert_cmpstr(rootfs, ==, "rootfs");
}

static void
test_process_that_is_changed_is_a_copy(void)
{
    g_autoptr(HfSpec) spec = parse("{\"process\":{\"args\":[\"sh\"],\"cwd\":\"/a\"}}");
    g_autoptr(HfProcessSpec) first = hf_spec_dup_process(spec);

    hf_process_spec_set_cwd(first, "/b");

    g_autoptr(HfProcessSpec) second = hf_spec_dup_process(spec);
    g_autofree char *cwd = hf_process_spec_dup_cwd(second);
    g_assert_cmpstr(cwd, ==, "/a");
}

static void
test_missing_parts_are_null(void)
{
    static const char *const texts[] = {"{}", "{\"process\":null,\"root\":null}", "{\"root\":{}}"};

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(HfSpec) spec = parse(texts[i]);

        g_assert_null(hf_spec_dup_process(spec));
        g_assert_null(hf_spec_dup_rootfs(spec));
    }
}

static void
test_what_is_wrong_is_named(void)
{
    static const struct {
        const char *json;
        const char *message;
    } cases[] = {
        {"{", "the text ends in its middle"},
        {"{\"process\":[]}", "process: an object is expected, this is a list"},
        {"{\"process\":{\"args\":[\"sh\",7]}}",
         "process.args[1]: a string is expected, this is a number"},
        {"{\"process\":{\"args\":[\"sh\"],\"user\":{\"gid\":true}}}",
         "process.user.gid: a number is expected, this is a boolean"},
        {"{\"root\":\"rootfs\"}", "root: an object is expected, this is a string"},
        {"{\"root\":{\"path\":1}}", "root.path: a string is expected, this is a number"},
        {"{\"linux\":1}", "linux: an object is expected, this is a number"},
        {"{\"linux\":{\"namespaces\":[{},1]}}",
         "linux.namespaces[1]: an object is expected, this is a number"},
        {"{\"linux\":{\"uidMappings\":{}}}",
         "linux.uidMappings: a list of objects is expected, this is an object"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(hf_spec_new_from_json(cases[i].json, &error));
        g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);
        g_assert_cmpstr(error->message, ==, cases[i].message);
    }
}

static void
test_without_a_user_namespace_root_is_root(void)
{
    static const char *const texts[] = {
        "{}",
        "{\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":7},{}]}}",
        "{\"linux\":{\"uidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":1}]}}",
        "{\"linux\":{\"namespaces\":[{\"type\":\"user\",\"path\":\"/proc/1/ns/user\"}]}}",
    };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(HfSpec) spec = parse(texts[i]);
        g_autoptr(GError) error = NULL;
        guint32 uid = 9;
        guint32 gid = 9;

        g_assert_true(hf_spec_get_root_ids(spec, &uid, &gid, &error));
        g_assert_no_error(error);
        g_assert_cmpuint(uid, ==, 0);
        g_assert_cmpuint(gid, ==, 0);
    }
}

static void
test_mappings_say_who_root_is(void)
{
    g_autofree char *json = g_strdup_printf(ROOT_IN_A_NAMESPACE,
                                            "[{\"containerID\":1,\"hostID\":5,\"size\":9},"
                                            "{\"containerID\":0,\"hostID\":4294967295,\"size\":1}]",
                                            "[{\"hostID\":200000,\"size\":65536}]");
    g_autoptr(HfSpec) spec = parse(json);
    g_autoptr(GError) error = NULL;
    guint32 uid = 0;
    guint32 gid = 0;

    g_assert_true(hf_spec_get_root_ids(spec, &uid, &gid, &error));

    g_assert_no_error(error);
    g_assert_cmpuint(uid, ==, G_MAXUINT32);
    g_assert_cmpuint(gid, ==, 200000);
}

static void
test_mappings_without_root_are_an_error(void)
{
    static const struct {
        const char *uids;
        const char *gids;
        const char *message;
    } cases[] = {
        {"[{\"containerID\":1,\"hostID\":5,\"size\":9}]", "[]",
         "linux.uidMappings: there is none for id 0"},
        {"[{\"containerID\":0,\"hostID\":5,\"size\":9}]",
         "[{\"containerID\":0,\"hostID\":5,\"size\":0}]",
         "linux.gidMappings: there is none for id 0"},
        {"[{\"containerID\":0,\"hostID\":\"x\",\"size\":9}]", "[]",
         "linux.uidMappings[0].hostID: a number is expected, this is a string"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *json = g_strdup_printf(ROOT_IN_A_NAMESPACE, cases[i].uids, cases[i].gids);
        g_autoptr(HfSpec) spec = parse(json);
        g_autoptr(GError) error = NULL;
        guint32 uid = 9;
        guint32 gid = 9;

        g_assert_false(hf_spec_get_root_ids(spec, &uid, &gid, &error));
        g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);
        g_assert_cmpstr(error->message, ==, cases[i].message);
        g_assert_cmpuint(uid, ==, 9);
    }
}

static void
test_bundle_is_read(void)
{
    char *bundle = hf_test_make_dir();
    g_autoptr(GError) error = NULL;
    hf_test_write_file(bundle, "config.json", "{\"root\":{\"path\":\"r\"}}");

    g_autoptr(HfSpec) spec = hf_spec_new_from_bundle(bundle, &error);

    g_assert_no_error(error);
    g_autofree char *rootfs = hf_spec_dup_rootfs(spec);
    g_assert_cmpstr(rootfs, ==, "r");
    hf_test_remove_dir(bundle);
}

static void
assert_bundle_is_refused(const char *bundle, int code, const char *what)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *message = g_strdup_printf("bundle '%s': %s", bundle, what);

    g_assert_null(hf_spec_new_from_bundle(bundle, &error));
    g_assert_error(error, HF_ERROR, code);
    g_assert_cmpstr(error->message, ==, message);
}

static void
test_bad_bundles_are_told_apart(void)
{
    char *bundle = hf_test_make_dir();
    g_autofree char *config = g_build_filename(bundle, "config.json", NULL);

    assert_bundle_is_refused("/nowhere", HF_ERROR_NOT_FOUND, "there is no such directory");
    assert_bundle_is_refused("/dev/null", HF_ERROR_NOT_FOUND, "there is no such directory");
    assert_bundle_is_refused(bundle, HF_ERROR_NOT_FOUND, "there is no config.json");
    g_assert_cmpint(mkfifo(config, 0600), ==, 0);
    assert_bundle_is_refused(bundle, HF_ERROR_INVALID_ARGUMENT,
                             "'config.json' is not a regular file");
    g_assert_cmpint(unlink(config), ==, 0);
    hf_test_write_file(bundle, "config.json", "{\"root\":1}");
    assert_bundle_is_refused(bundle, HF_ERROR_INVALID_ARGUMENT,
                             "config.json: root: an object is expected, this is a number");
    g_assert_cmpint(truncate(config, 16 * 1024 * 1024 + 1), ==, 0);
    assert_bundle_is_refused(bundle, HF_ERROR_LIMIT, "'config.json': more than 16777216 bytes");

    hf_test_remove_dir(bundle);
}

static void
test_mount_is_what_was_given(void)
{
    g_autoptr(HfMount) full = hf_mount_new("overlay", "overlay", (const char *const[]){"ro", NULL});
    g_autoptr(HfMount) bare = hf_mount_new("tmpfs", NULL, NULL);

    g_assert_cmpstr(hf_mount_get_fs_type(full), ==, "overlay");
    g_assert_cmpstr(hf_mount_get_source(full), ==, "overlay");
    g_assert_cmpstr(hf_mount_get_options(full)[0], ==, "ro");
    g_assert_null(hf_mount_get_source(bare));
    g_assert_null(hf_mount_get_options(bare)[0]);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/library/spec/everything-is-kept", test_everything_is_kept);
    hf_test_add("/library/spec/process-and-rootfs-are-found", test_process_and_rootfs_are_found);
    hf_test_add("/library/spec/process-that-is-changed-is-a-copy",
                test_process_that_is_changed_is_a_copy);
    hf_test_add("/library/spec/missing-parts-are-null", test_missing_parts_are_null);
    hf_test_add("/library/spec/what-is-wrong-is-named", test_what_is_wrong_is_named);
    hf_test_add("/library/spec/without-a-user-namespace-root-is-root",
                test_without_a_user_namespace_root_is_root);
    hf_test_add("/library/spec/mappings-say-who-root-is", test_mappings_say_who_root_is);
    hf_test_add("/library/spec/mappings-without-root-are-an-error",
                test_mappings_without_root_are_an_error);
    hf_test_add("/library/spec/bundle-is-read", test_bundle_is_read);
    hf_test_add("/library/spec/bad-bundles-are-told-apart", test_bad_bundles_are_told_apart);
    hf_test_add("/library/spec/mount-is-what-was-given", test_mount_is_what_was_given);
    return g_test_run();
}
