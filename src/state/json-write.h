/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Members of an object that is being written, each with the comma before it where one is due. */

#pragma once

#include <stdbool.h>

#include <glib.h>

/* The member's name; the caller appends its value. */
void hf_json_write_name(GString *json, const char *name);

void hf_json_write_string(GString *json, const char *name, const char *value);
void hf_json_write_bool(GString *json, const char *name, bool value);
void hf_json_write_uint(GString *json, const char *name, guint64 value);

/* An empty list is written as null, as containerd 0.2 does. */
void hf_json_write_strings(GString *json, const char *name, char *const *values);
