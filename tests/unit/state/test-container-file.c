/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include <glib.h>

#include "base/error.h"
#include "state/container-file.h"
#include "test-kit.h"

static char *
read_containerd_text(void)
{
    g_autofree char *dir =
        g_test_build_filename(G_TEST_DIST, "unit", "state", "containerd-0.2.8", "c1", NULL);

    return hf_test_read_file(dir, "state.json");
}

static HfContainerFile *
parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    HfContainerFile *file = hf_container_file_parse(text, strlen(text), &error);

    g_assert_no_error(error);
    return file;
}

static void
test_containerds_file_is_read(void)
{
    g_autofree char *text = read_containerd_text();

    g_autoptr(HfContainerFile) file = parse(text);

    g_assert_cmpstr(file->bundle, ==, "/bundles/c1");
    g_assert_cmpstrv(file->labels, ((const char *const[]){"a=b", NULL}));
    g_assert_cmpstr(file->runtime, ==, "runc");
    g_assert_cmpuint(g_strv_length(file->runtime_args), ==, 0);
    g_assert_cmpstr(file->shim, ==, "containerd-shim");
    g_assert_true(file->no_pivot_root);
    g_assert_cmpint(file->created_us, ==, 0);
    g_assert_null(file->rootfs);
    g_assert_cmpuint(file->mounts->len, ==, 0);
}

static void
test_containerds_file_is_written_as_it_was(void)
{
    g_autofree char *text = read_containerd_text();
    g_autoptr(HfContainerFile) file = parse(text);

    g_autofree char *written = hf_container_file_to_json(file);

    g_assert_cmpstr(written, ==, text);
}

static void
test_own_keys_stand_behind_containerds(void)
{
    static const char text[] =
        "{\"bundle\":\"/b\",\"labels\":null,\"stdin\":\"\",\"stdout\":\"\",\"stderr\":\"\","
        "\"runtime\":\"/bin/crun\",\"runtimeArgs\":[\"--debug\",\"x y\"],\"shim\":\"\","
        "\"noPivotRoot\":false,\"created\":\"2026-01-31T23:59:59.000042Z\",\"rootfs\":\"/b/r\","
        "\"rootfsMountID\":31,"
        "\"mounts\":[{\"type\":\"overlay\",\"source\":\"overlay\",\"options\":[\"lowerdir=/l\"]},"
        "{\"type\":\"tmpfs\",\"options\":null}]}\n";
    g_autoptr(HfContainerFile) file = parse(text);

    g_autofree char *written = hf_container_file_to_json(file);

    g_assert_cmpstr(written, ==, text);
    g_assert_cmpint(file->created_us, ==, G_GINT64_CONSTANT(1769903999000042));
    const HfMountEntry *last = g_ptr_array_index(file->mounts, 1);
    g_assert_cmpstr(last->type, ==, "tmpfs");
    g_assert_null(last->source);
    g_assert_cmpuint(g_strv_length(last->options), ==, 0);
}

static void
test_any_text_survives(void)
{
    g_autoptr(HfContainerFile) file = parse("{\"bundle\":\"/b\",\"runtime\":\"runc\"}");
    g_strfreev(file->labels);
    file->labels = g_strsplit("a=<&>\"\\\n\t\x01\x7F;\xC3\xA4=\xE2\x80\xA8", ";", -1);

    g_autofree char *written = hf_container_file_to_json(file);
    g_autoptr(HfContainerFile) again = parse(written);

    g_assert_cmpstrv(again->labels, file->labels);
}

static void
test_unknown_keys_are_passed_over(void)
{
    g_autoptr(HfContainerFile) file =
        parse("{\"bundle\":\"/b\",\"later\":{\"x\":[1.5]},\"runtime\":\"runc\"}");

    g_assert_cmpstr(file->bundle, ==, "/b");
    g_assert_cmpstr(file->shim, ==, "");
}

static void
test_every_torn_length_is_refused(void)
{
    g_autofree char *text = read_containerd_text();
    gsize whole = (gsize)(strrchr(text, '}') - text) + 1;

    for (gsize length = 0; length < whole; length++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(hf_container_file_parse(text, length, &error));
        g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
    }
}

static void
test_what_is_wrong_is_named(void)
{
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"{\"bundle\":1}", "bundle: a string is expected, this is a number"},
        {"{\"labels\":\"a=b\"}", "labels: a list of strings is expected, this is a string"},
        {"{\"labels\":[{}]}", "labels[0]: a string is expected, this is an object"},
        {"{\"runtime\":[]}", "runtime: a string is expected, this is a list"},
        {"{\"runtimeArgs\":[\"a\",1]}", "runtimeArgs[1]: a string is expected, this is a number"},
        {"{\"shim\":true}", "shim: a string is expected, this is a boolean"},
        {"{\"noPivotRoot\":0}", "noPivotRoot: a boolean is expected, this is a number"},
        {"{\"created\":\"yesterday\"}", "created: a time is expected"},
        {"{\"rootfs\":{}}", "rootfs: a string is expected, this is an object"},
        {"{\"mounts\":{}}", "mounts: a list of objects is expected, this is an object"},
        {"{\"mounts\":[{\"type\":\"t\"},{\"type\":2}]}",
         "mounts[1].type: a string is expected, this is a number"},
        {"{\"mounts\":[{\"options\":[]}]}", "mounts[0].type is missing"},
        {"{\"mounts\":[{\"type\":\"t\",\"options\":[null]}]}",
         "mounts[0].options[0]: a string is expected, this is null"},
        {"{\"runtime\":\"runc\"}", "bundle is missing"},
        {"{\"bundle\":\"/b\",\"runtime\":\"\"}", "runtime is missing"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(hf_container_file_parse(cases[i].text, strlen(cases[i].text), &error));
        g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
        g_assert_cmpstr(error->message, ==, cases[i].message);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/state/container-file/containerds-file-is-read", test_containerds_file_is_read);
    hf_test_add("/state/container-file/containerds-file-is-written-as-it-was",
                test_containerds_file_is_written_as_it_was);
    hf_test_add("/state/container-file/own-keys-stand-behind-containerds",
                test_own_keys_stand_behind_containerds);
    hf_test_add("/state/container-file/any-text-survives", test_any_text_survives);
    hf_test_add("/state/container-file/unknown-keys-are-passed-over",
                test_unknown_keys_are_passed_over);
    hf_test_add("/state/container-file/every-torn-length-is-refused",
                test_every_torn_length_is_refused);
    hf_test_add("/state/container-file/what-is-wrong-is-named", test_what_is_wrong_is_named);
    return g_test_run();
}
