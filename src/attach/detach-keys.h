/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The keys that take a client off a container, found in what is typed. Pure. */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

#define HF_DETACH_KEYS_DEFAULT "ctrl-p,ctrl-q"
#define HF_DETACH_KEYS_MAX 32

/* Embedded in its owner; zeroed is "no keys". */
typedef struct {
    char keys[HF_DETACH_KEYS_MAX];
    size_t length;
    size_t held; /* so many of them were typed, and the next key decides about them */
} HfDetachKeys;

/* @text in Podman's syntax: keys with commas between them, each one ASCII character, "ctrl-" and
 * one of a-z @ [ \ ] ^ _, or "DEL". An empty text is no keys. HF_ERROR_INVALID_ARGUMENT names the
 * part that is no key. */
gboolean hf_detach_keys_parse(const char *text, HfDetachKeys *out_keys,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Puts what is to be sent of @bytes into @out, which has room for @length + HF_DETACH_KEYS_MAX.
 * True if the keys were typed: what came before them is in @out, what came after them is gone. */
bool hf_detach_keys_filter(HfDetachKeys *self, const char *bytes, size_t length, char *out,
                           size_t *out_length);

/* Lets go of the keys that are held back, because nothing more will be typed. @out has room for
 * HF_DETACH_KEYS_MAX. Returns how many there were. */
size_t hf_detach_keys_release(HfDetachKeys *self, char *out);
