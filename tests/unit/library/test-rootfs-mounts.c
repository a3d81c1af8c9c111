/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <sys/mount.h>

#include "library/rootfs-mounts.h"
#include "process-place.h"

typedef struct {
    const char *options;
    unsigned long flags;
    unsigned long propagation;
    const char *data;
} Row;

static const Row rows[] = {
    {"", 0, 0, ""},
    {"defaults", 0, 0, ""},
    {"ro", MS_RDONLY, 0, ""},
    {"ro rw", 0, 0, ""},
    {"rw ro", MS_RDONLY, 0, ""},
    {"bind", MS_BIND, 0, ""},
    {"rbind ro", MS_BIND | MS_REC | MS_RDONLY, 0, ""},
    {"nosuid nodev noexec", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0, ""},
    {"nosuid suid nodev dev noexec exec", 0, 0, ""},
    {"sync dirsync", MS_SYNCHRONOUS | MS_DIRSYNC, 0, ""},
    {"sync async", 0, 0, ""},
    {"noatime nodiratime", MS_NOATIME | MS_NODIRATIME, 0, ""},
    {"noatime atime nodiratime diratime", 0, 0, ""},
    {"relatime", MS_RELATIME, 0, ""},
    {"relatime norelatime", 0, 0, ""},
    {"strictatime", MS_STRICTATIME, 0, ""},
    {"strictatime nostrictatime", 0, 0, ""},
    {"mand", MS_MANDLOCK, 0, ""},
    {"mand nomand", 0, 0, ""},
    {"private", 0, MS_PRIVATE, ""},
    {"rprivate", 0, MS_PRIVATE | MS_REC, ""},
    {"shared", 0, MS_SHARED, ""},
    {"rshared", 0, MS_SHARED | MS_REC, ""},
    {"slave", 0, MS_SLAVE, ""},
    {"rslave", 0, MS_SLAVE | MS_REC, ""},
    {"unbindable", 0, MS_UNBINDABLE, ""},
    {"runbindable", 0, MS_UNBINDABLE | MS_REC, ""},
    {"private shared", 0, MS_SHARED, ""},
    {"bind ro rslave", MS_BIND | MS_RDONLY, MS_SLAVE | MS_REC, ""},
    {"lowerdir=/a:/b upperdir=/u workdir=/w", 0, 0, "lowerdir=/a:/b,upperdir=/u,workdir=/w"},
    {"size=1m ro mode=700", MS_RDONLY, 0, "size=1m,mode=700"},
    {"Ro", 0, 0, "Ro"},
};

static void
test_options_are_flags_propagation_and_the_rest(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        const Row *row = &rows[i];
        g_auto(GStrv) words =
            *row->options != '\0' ? g_strsplit(row->options, " ", -1) : g_new0(char *, 1);
        unsigned long flags = 99;
        unsigned long propagation = 99;

        g_autofree char *data =
            hf_rootfs_parse_options((const char *const *)words, &flags, &propagation);

        g_test_message("\"%s\"", row->options);
        g_assert_cmphex(flags, ==, row->flags);
        g_assert_cmphex(propagation, ==, row->propagation);
        g_assert_cmpstr(data, ==, row->data);
    }
}

/* A list in state.json whose mounts were never made: their maker was killed before the first. */
static void
write_noted(const Place *place, const char *rootfs)
{
    g_autofree char *state = g_strdup_printf(
        "{\"bundle\":\"/b\",\"runtime\":\"runc\",\"labels\":[\"a=b\"],\"rootfs\":\"%s\","
        "\"rootfsMountID\":1,\"mounts\":[{\"type\":\"tmpfs\",\"source\":\"none\"}]}",
        rootfs);

    hf_test_write_file(place->container_path, "state.json", state);
}

static void
assert_no_mounts(const Place *place)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HfContainer) container = hf_container_load(place->root, "c", &error);

    g_assert_no_error(error);
    g_assert_cmpuint(container->file->mounts->len, ==, 0);
}

static void
test_unmounting_nothing_changes_nothing(void)
{
    g_autoptr(GError) error = NULL;
    Place place;

    place_set_up(&place, "runc");
    g_autofree char *before = hf_test_read_file(place.container_path, "state.json");

    g_assert_true(hf_rootfs_unmount(place.container, &error));

    g_assert_no_error(error);
    g_autofree char *after = hf_test_read_file(place.container_path, "state.json");
    g_assert_cmpstr(after, ==, before);
    place_tear_down(&place);
}

static void
test_mounts_that_another_noted_are_looked_for(void)
{
    g_autoptr(GError) error = NULL;
    Place place;

    place_set_up(&place, "runc");
    write_noted(&place, "/nowhere/at/all");
    g_assert_cmpuint(place.container->file->mounts->len, ==, 0);

    g_assert_true(hf_rootfs_unmount(place.container, &error));

    g_assert_no_error(error);
    assert_no_mounts(&place);
    place_tear_down(&place);
}

static void
test_no_mounts_is_no_work(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) none = g_ptr_array_new();
    Place place;

    place_set_up(&place, "runc");

    g_assert_true(hf_rootfs_mount(place.container, none, &error));

    g_assert_no_error(error);
    assert_no_mounts(&place);
    place_tear_down(&place);
}

static void
test_state_that_is_torn_is_told(void)
{
    g_autoptr(GError) error = NULL;
    Place place;

    place_set_up(&place, "runc");
    hf_test_write_file(place.container_path, "state.json", "{\"bundle\":\"/b\",\"runt");

    g_assert_false(hf_rootfs_unmount(place.container, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
    g_assert_nonnull(strstr(error->message, "state.json"));
    place_tear_down(&place);
}

#define ADD(name, function) hf_test_add("/library/rootfs-mounts/" name, function)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("options-are-flags-propagation-and-the-rest",
        test_options_are_flags_propagation_and_the_rest);
    ADD("unmounting-nothing-changes-nothing", test_unmounting_nothing_changes_nothing);
    ADD("mounts-that-another-noted-are-looked-for", test_mounts_that_another_noted_are_looked_for);
    ADD("no-mounts-is-no-work", test_no_mounts_is_no_work);
    ADD("state-that-is-torn-is-told", test_state_that_is_torn_is_told);
    return g_test_run();
}
