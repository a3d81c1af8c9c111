/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What became of a text that should be a record. */

#pragma once

typedef enum {
    HF_PARSE_OK,
    HF_PARSE_TORN,    /* right as far as it goes, but it ends before the record does */
    HF_PARSE_INVALID, /* no record, and not the beginning of one */
} HfParseResult;
