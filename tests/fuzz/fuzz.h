/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What a fuzz target is: a function that takes any bytes, and ends the program (an assertion, a
 * sanitizer) if the code under test does what it must not. The table of them is in meson.build. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include <glib.h>

#include "fuzz-targets.h"

typedef void (*HfFuzzFunc)(const char *bytes, size_t length);

#define HF_FUZZ_DECLARE(function, name) void fuzz_##function(const char *bytes, size_t length);
HF_FUZZ_TARGETS(HF_FUZZ_DECLARE)
#undef HF_FUZZ_DECLARE

typedef struct {
    const char *name;
    HfFuzzFunc run;
} HfFuzzTarget;

/* The last one has no name. */
const HfFuzzTarget *hf_fuzz_get_targets(void);
const HfFuzzTarget *hf_fuzz_find_target(const char *name);

/* An input that is taken apart from its front. Where there is nothing left, zeros come. */
typedef struct {
    const char *at;
    size_t left;
} HfFuzzInput;

guint8 hf_fuzz_take_byte(HfFuzzInput *self);
guint hf_fuzz_take_number(HfFuzzInput *self, guint limit);
/* At most @length bytes; *@out_length of them are there. */
const char *hf_fuzz_take_bytes(HfFuzzInput *self, size_t length, size_t *out_length);
/* Up to the next NUL, or all. (transfer full) */
char *hf_fuzz_take_text(HfFuzzInput *self);

/* A directory of this process's own, made at the first call and removed at the end. */
const char *hf_fuzz_get_dir(void);
void hf_fuzz_write_file(const char *path, const char *bytes, size_t length);

/* The number that the next descriptor will have: the same as before if none was left open. */
int hf_fuzz_get_lowest_fd(void);

/* Sends @part over a socket, with @count descriptors. False: the other end takes nothing. */
bool hf_fuzz_send_fds(int socket_fd, struct iovec *part, const int *fds, guint count);

/* The same bytes, and as many. */
void hf_fuzz_assert_same(const void *a, size_t a_length, const void *b, size_t b_length);

/* Iterates @context until *@is_done; an end that does not come is a fault. */
void hf_fuzz_wait(GMainContext *context, const bool *is_done);
