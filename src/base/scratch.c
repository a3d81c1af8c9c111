/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <sys/mman.h>

#include "base/scratch.h"

void *
hf_scratch_reserve(HfScratch *self, size_t size)
{
    void *data;

    if (size <= self->size)
        return self->data;
    size = (size + 4095) & ~(size_t)4095;
    if (self->data == NULL)
        data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    else
        data = mremap(self->data, self->size, size, MREMAP_MAYMOVE);
    if (data == MAP_FAILED)
        g_error("reserve %zu bytes: %s", size, g_strerror(errno));
    self->data = data;
    self->size = size;
    return data;
}

void
hf_scratch_release(HfScratch *self)
{
    if (self->data != NULL)
        (void)munmap(self->data, self->size);
    self->data = NULL;
    self->size = 0;
}
