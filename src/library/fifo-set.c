/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "library/io-private.h"

G_DEFINE_FINAL_TYPE(HfFifoSet, hf_fifo_set, G_TYPE_OBJECT)

static const char *const names[HF_FIFO_COUNT] = {
    [HF_FIFO_STDIN] = "stdin",
    [HF_FIFO_STDOUT] = "stdout",
    [HF_FIFO_STDERR] = "stderr",
};

static void
hf_fifo_set_finalize(GObject *object)
{
    HfFifoSet *self = HF_FIFO_SET(object);

    g_free(self->directory);
    for (guint i = 0; i < HF_FIFO_COUNT; i++)
        g_free(self->paths[i]);
    G_OBJECT_CLASS(hf_fifo_set_parent_class)->finalize(object);
}

static void
hf_fifo_set_class_init(HfFifoSetClass *class)
{
    G_OBJECT_CLASS(class)->finalize = hf_fifo_set_finalize;
}

static void
hf_fifo_set_init(HfFifoSet *self)
{
}

/* A directory of our own, mode 0700. */
static gboolean
make_directory(HfFifoSet *self, const char *parent, GError **error)
{
    const char *base = parent;
    g_autofree char *whole = NULL;

    if (base == NULL)
        base = geteuid() == 0 ? "/run" : g_get_user_runtime_dir();
    whole = g_canonicalize_filename(base, NULL);
    self->directory = g_build_filename(whole, "holdfast-io-XXXXXX", NULL);
    if (g_mkdtemp_full(self->directory, 0700) == NULL) {
        int errnum = errno;

        g_clear_pointer(&self->directory, g_free);
        return hf_throw_errnum(error, errnum, "make a directory for FIFOs in '%s'", base);
    }
    return TRUE;
}

static gboolean
make_fifos(HfFifoSet *self, const char *process_id, GError **error)
{
    for (guint i = 0; i < HF_FIFO_COUNT; i++) {
        g_autofree char *name = NULL;
        g_autofree char *path = NULL;

        if (i == HF_FIFO_STDERR && self->has_terminal)
            continue;
        name = g_strdup_printf("%s-%s", process_id, names[i]);
        path = g_build_filename(self->directory, name, NULL);
        if (mkfifo(path, 0600) < 0)
            return hf_throw_errno(error, "make FIFO '%s'", path);
        self->paths[i] = g_steal_pointer(&path);
    }
    return TRUE;
}

HfFifoSet *
hf_fifo_set_new(const char *parent, const char *process_id, gboolean has_terminal, GError **error)
{
    g_autoptr(HfFifoSet) self = g_object_new(HF_TYPE_FIFO_SET, NULL);

    g_return_val_if_fail(process_id != NULL && strchr(process_id, '/') == NULL, NULL);

    self->has_terminal = has_terminal;
    if (!make_directory(self, parent, error))
        return NULL;
    if (!make_fifos(self, process_id, error)) {
        (void)hf_fifo_set_remove(self, NULL);
        return NULL;
    }
    return g_steal_pointer(&self);
}

static char *
dup_fifo_path(const char *path)
{
    return g_str_equal(path, "/dev/null") ? NULL : g_strdup(path);
}

HfFifoSet *
hf_fifo_set_new_for_stdio(HfStdio *stdio, gboolean has_terminal)
{
    HfFifoSet *self = NULL;

    g_return_val_if_fail(HF_IS_STDIO(stdio), NULL);

    self = g_object_new(HF_TYPE_FIFO_SET, NULL);
    self->has_terminal = has_terminal;
    self->paths[HF_FIFO_STDIN] = dup_fifo_path(hf_stdio_get_stdin(stdio));
    self->paths[HF_FIFO_STDOUT] = dup_fifo_path(hf_stdio_get_stdout(stdio));
    self->paths[HF_FIFO_STDERR] = dup_fifo_path(hf_stdio_get_stderr(stdio));
    return self;
}

HfStdio *
hf_fifo_set_dup_stdio(HfFifoSet *self)
{
    g_return_val_if_fail(HF_IS_FIFO_SET(self), NULL);

    return hf_stdio_new(self->paths[HF_FIFO_STDIN], self->paths[HF_FIFO_STDOUT],
                        self->paths[HF_FIFO_STDERR]);
}

gboolean
hf_fifo_set_get_has_terminal(HfFifoSet *self)
{
    g_return_val_if_fail(HF_IS_FIFO_SET(self), FALSE);

    return self->has_terminal;
}

gboolean
hf_fifo_set_remove(HfFifoSet *self, GError **error)
{
    g_return_val_if_fail(HF_IS_FIFO_SET(self), FALSE);

    /* Of a set that was there before, nothing is ours to remove. */
    if (self->directory == NULL)
        return TRUE;
    for (guint i = 0; i < HF_FIFO_COUNT; i++) {
        if (self->paths[i] != NULL && unlink(self->paths[i]) < 0 && errno != ENOENT)
            return hf_throw_errno(error, "remove FIFO '%s'", self->paths[i]);
    }
    if (rmdir(self->directory) < 0 && errno != ENOENT)
        return hf_throw_errno(error, "remove directory '%s'", self->directory);
    return TRUE;
}
