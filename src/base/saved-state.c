/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works.
 *
 * The format is a serialised GVariant, (sua{sv}): a word that says what it is, the version, and the
 * values. Numbers are x, truths b, texts and bytes ay (a text with its NUL), descriptors h, and
 * dictionaries a{sv} again. Unknown names are passed over, so that a version can get more of them
 * and be read by who does not know them; the version is raised when that would lose something.
 *
 * Bytes from elsewhere are first checked to be in GVariant's normal form, which bounds the depth
 * and makes every offset lie inside. A reader of a dictionary belongs to the one above it; the one
 * at the top has what all of them share: the first failure and the descriptors that were taken. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/saved-state.h"

#define FORMAT_NAME "holdfast-upgrade"
#define FORMAT_TYPE "(sua{sv})"
#define SIZE_MAX_BYTES ((goffset)1024 * 1024 * 1024)
#define FIRST_FD 3

struct HfStateWriter {
    GPtrArray *dicts; /* (element-type GVariantDict) the innermost is the last */
    GPtrArray *names; /* of all but the first */
    GArray *fds;
};

struct HfStateReader {
    HfStateReader *root;
    GVariant *values;
    GPtrArray *children; /* (element-type HfStateReader) */
    GError *failure;     /* this and the next: of the root */
    GArray *fds;
};

HfStateWriter *
hf_state_writer_new(void)
{
    HfStateWriter *self = g_new0(HfStateWriter, 1);

    self->dicts = g_ptr_array_new_with_free_func((GDestroyNotify)g_variant_dict_unref);
    self->names = g_ptr_array_new_with_free_func(g_free);
    self->fds = g_array_new(FALSE, FALSE, sizeof(int));
    g_ptr_array_add(self->dicts, g_variant_dict_new(NULL));
    return self;
}

void
hf_state_writer_free(HfStateWriter *self)
{
    if (self == NULL)
        return;
    g_ptr_array_unref(self->dicts);
    g_ptr_array_unref(self->names);
    g_array_unref(self->fds);
    g_free(self);
}

static void
put(HfStateWriter *self, const char *name, GVariant *value)
{
    GVariantDict *dict = g_ptr_array_index(self->dicts, self->dicts->len - 1);

    g_variant_dict_insert_value(dict, name, value);
}

void
hf_state_begin(HfStateWriter *self, const char *name)
{
    g_ptr_array_add(self->dicts, g_variant_dict_new(NULL));
    g_ptr_array_add(self->names, g_strdup(name));
}

void
hf_state_end(HfStateWriter *self)
{
    guint last = self->dicts->len - 1;
    GVariant *value = g_variant_dict_end(g_ptr_array_index(self->dicts, last));
    g_autofree char *name = g_ptr_array_steal_index(self->names, last - 1);

    g_ptr_array_remove_index(self->dicts, last);
    put(self, name, value);
}

void
hf_state_put_number(HfStateWriter *self, const char *name, gint64 value)
{
    put(self, name, g_variant_new_int64(value));
}

void
hf_state_put_bool(HfStateWriter *self, const char *name, bool value)
{
    put(self, name, g_variant_new_boolean(value));
}

void
hf_state_put_text(HfStateWriter *self, const char *name, const char *text)
{
    if (text != NULL)
        put(self, name, g_variant_new_bytestring(text));
}

void
hf_state_put_bytes(HfStateWriter *self, const char *name, const void *bytes, size_t length)
{
    if (length > 0)
        put(self, name, g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, bytes, length, 1));
}

void
hf_state_put_fd(HfStateWriter *self, const char *name, int fd)
{
    if (fd < 0)
        return;
    put(self, name, g_variant_new_handle(fd));
    g_array_append_val(self->fds, fd);
}

void
hf_state_put_timer(HfStateWriter *self, const char *name, GSource *timer)
{
    if (timer != NULL)
        hf_state_put_number(self, name, g_source_get_ready_time(timer));
}

static gboolean
write_all(int fd, const char *bytes, size_t length, GError **error)
{
    while (length > 0) {
        ssize_t n = write(fd, bytes, length);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return hf_throw_errno(error, "write the state");
        bytes += n;
        length -= (size_t)n;
    }
    return TRUE;
}

int
hf_state_writer_finish(HfStateWriter *self, GError **error)
{
    GVariant *values = g_variant_dict_end(g_ptr_array_index(self->dicts, 0));
    g_autoptr(GVariant) whole = g_variant_ref_sink(
        g_variant_new("(su@a{sv})", FORMAT_NAME, (guint32)HF_STATE_VERSION, values));
    hf_autofd fd = memfd_create("holdfast-state", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    g_assert(self->dicts->len == 1);
    if (fd < 0)
        return hf_throw_errno(error, "make a memfd"), -1;
    if (!write_all(fd, g_variant_get_data(whole), g_variant_get_size(whole), error))
        return -1;
    if (lseek(fd, 0, SEEK_SET) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
        return hf_throw_errno(error, "seal the state"), -1;
    return hf_steal_fd(&fd);
}

const GArray *
hf_state_writer_get_fds(const HfStateWriter *self)
{
    return self->fds;
}

static HfStateReader *
new_reader(HfStateReader *root, GVariant *take_values)
{
    HfStateReader *self = g_new0(HfStateReader, 1);

    self->root = root != NULL ? root : self;
    self->values = take_values;
    self->children = g_ptr_array_new_with_free_func((GDestroyNotify)hf_state_reader_free);
    if (root == NULL)
        self->fds = g_array_new(FALSE, FALSE, sizeof(int));
    return self;
}

HfStateReader *
hf_state_reader_new(const void *bytes, size_t length, GError **error)
{
    g_autoptr(GBytes) copy = g_bytes_new(bytes, length);
    g_autoptr(GVariant) whole =
        g_variant_ref_sink(g_variant_new_from_bytes(G_VARIANT_TYPE(FORMAT_TYPE), copy, FALSE));
    g_autoptr(GVariant) values = NULL;
    const char *name = NULL;
    guint32 version = 0;

    if (!g_variant_is_normal_form(whole))
        return hf_throw(error, HF_ERROR_PROTOCOL, "this is no state"), NULL;
    g_variant_get(whole, "(&su@a{sv})", &name, &version, &values);
    if (!g_str_equal(name, FORMAT_NAME))
        return hf_throw(error, HF_ERROR_PROTOCOL, "this is no state of a monitor"), NULL;
    if (version < HF_STATE_VERSION_OLDEST || version > HF_STATE_VERSION)
        return hf_throw(error, HF_ERROR_NOT_SUPPORTED,
                        "the state is of version %u, and this program reads %d to %d", version,
                        HF_STATE_VERSION_OLDEST, HF_STATE_VERSION),
               NULL;
    return new_reader(NULL, g_steal_pointer(&values));
}

HfStateReader *
hf_state_reader_new_from_fd(int fd, GError **error)
{
    struct stat status;
    HfStateReader *self;
    void *bytes;

    if (fstat(fd, &status) < 0)
        return hf_throw_errno(error, "look at the state"), NULL;
    if (!S_ISREG(status.st_mode) || status.st_size <= 0 || status.st_size > SIZE_MAX_BYTES)
        return hf_throw(error, HF_ERROR_PROTOCOL, "this is no file of a state"), NULL;
    bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        return hf_throw_errno(error, "map the state"), NULL;
    self = hf_state_reader_new(bytes, (size_t)status.st_size, error);
    (void)munmap(bytes, (size_t)status.st_size);
    return self;
}

void
hf_state_reader_free(HfStateReader *self)
{
    if (self == NULL)
        return;
    g_ptr_array_unref(self->children);
    g_variant_unref(self->values);
    g_clear_error(&self->failure);
    if (self->fds != NULL)
        g_array_unref(self->fds);
    g_free(self);
}

void
hf_state_reader_fail(HfStateReader *self, const char *name, const char *reason)
{
    if (self->root->failure == NULL)
        hf_throw(&self->root->failure, HF_ERROR_PROTOCOL, "the state's '%s' %s", name, reason);
}

/* NULL: not there, or of another type. (transfer full) */
static GVariant *
look_up(HfStateReader *self, const char *name, const char *type)
{
    g_autoptr(GVariant) value = g_variant_lookup_value(self->values, name, NULL);

    if (value == NULL)
        return NULL;
    if (g_variant_is_of_type(value, G_VARIANT_TYPE(type)))
        return g_steal_pointer(&value);
    hf_state_reader_fail(self, name, "is of another type");
    return NULL;
}

static HfStateReader *
add_child(HfStateReader *self, GVariant *take_values)
{
    HfStateReader *child = new_reader(self->root, take_values);

    g_ptr_array_add(self->children, child);
    return child;
}

HfStateReader *
hf_state_open(HfStateReader *self, const char *name)
{
    GVariant *values = look_up(self, name, "a{sv}");

    return values != NULL ? add_child(self, values) : NULL;
}

HfStateReader *
hf_state_open_needed(HfStateReader *self, const char *name)
{
    HfStateReader *child = hf_state_open(self, name);

    if (child != NULL)
        return child;
    hf_state_reader_fail(self, name, "is missing");
    return add_child(self, g_variant_ref_sink(g_variant_new("a{sv}", NULL)));
}

gint64
hf_state_get_number(HfStateReader *self, const char *name, gint64 min, gint64 max, gint64 fallback)
{
    g_autoptr(GVariant) value = look_up(self, name, "x");
    gint64 number = value != NULL ? g_variant_get_int64(value) : fallback;

    if (value == NULL || (number >= min && number <= max))
        return number;
    hf_state_reader_fail(self, name, "is out of range");
    return fallback;
}

bool
hf_state_get_bool(HfStateReader *self, const char *name)
{
    g_autoptr(GVariant) value = look_up(self, name, "b");

    return value != NULL && g_variant_get_boolean(value);
}

const void *
hf_state_get_bytes(HfStateReader *self, const char *name, size_t *out_length)
{
    g_autoptr(GVariant) value = look_up(self, name, "ay");

    *out_length = 0;
    /* They lie in the whole's memory, which the reader's values keep. */
    return value != NULL ? g_variant_get_fixed_array(value, out_length, 1) : NULL;
}

const char *
hf_state_get_text(HfStateReader *self, const char *name)
{
    size_t length = 0;
    const char *text = hf_state_get_bytes(self, name, &length);

    if (text == NULL || (length > 0 && memchr(text, '\0', length) == text + length - 1))
        return text;
    hf_state_reader_fail(self, name, "is no text");
    return NULL;
}

static bool
is_taken(const HfStateReader *self, int fd)
{
    for (guint i = 0; i < self->root->fds->len; i++) {
        if (g_array_index(self->root->fds, int, i) == fd)
            return true;
    }
    return false;
}

int
hf_state_take_fd(HfStateReader *self, const char *name)
{
    g_autoptr(GVariant) value = look_up(self, name, "h");
    int fd = value != NULL ? g_variant_get_handle(value) : -1;

    if (value == NULL)
        return -1;
    if (fd < FIRST_FD || is_taken(self, fd) || fcntl(fd, F_GETFD) < 0) {
        hf_state_reader_fail(self, name, "is no descriptor that can be taken");
        return -1;
    }
    g_array_append_val(self->root->fds, fd);
    return fd;
}

int
hf_state_take_needed_fd(HfStateReader *self, const char *name)
{
    int fd = hf_state_take_fd(self, name);

    if (fd < 0)
        hf_state_reader_fail(self, name, "is missing");
    return fd;
}

int
hf_state_get_timer_ms(HfStateReader *self, const char *name)
{
    gint64 ready_us = hf_state_get_number(self, name, 0, G_MAXINT64, -1);
    gint64 left_ms = (ready_us - g_get_monotonic_time() + 999) / 1000;

    return ready_us < 0 ? -1 : (int)CLAMP(left_ms, 0, G_MAXINT);
}

gboolean
hf_state_reader_check(HfStateReader *self, GError **error)
{
    if (self->root->failure == NULL)
        return TRUE;
    g_propagate_error(error, g_error_copy(self->root->failure));
    return FALSE;
}

gboolean
hf_state_reader_guard_fds(HfStateReader *self, GError **error)
{
    for (guint i = 0; i < self->root->fds->len; i++) {
        if (!hf_fd_set_cloexec(g_array_index(self->root->fds, int, i), true, error))
            return FALSE;
    }
    return TRUE;
}
