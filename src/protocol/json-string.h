/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The inside of JSON strings made of any bytes: escaped, and each byte that is not UTF-8, and each
 * NUL, replaced by U+FFFD. */

#pragma once

#include <stddef.h>

#include <glib.h>

/* The length of the first character of @text (@length > 0), a byte that is not UTF-8 counting as
 * one; *@out_escaped is the length of what stands for it in a JSON string. */
size_t hf_json_string_measure(const char *text, size_t length, size_t *out_escaped);

/* Appends what stands for @text between the quotes. */
void hf_json_string_append(GString *json, const char *text, size_t length);

/* The length of the well-formed UTF-8 character at @text (@length > 0), whose first byte is not
 * ASCII; 0 if there is none. */
size_t hf_json_string_measure_multibyte(const char *text, size_t length);
