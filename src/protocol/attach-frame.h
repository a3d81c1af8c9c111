/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The attach socket's packets, server to client: one byte that names the stream, then payload.
 * Client to server they are bare bytes for stdin. docs/compat-conmon.md has the sizes clients rely
 * on. */

#pragma once

#include "protocol/stream.h"

#define HF_ATTACH_STREAM_STDOUT 2
#define HF_ATTACH_STREAM_STDERR 3

/* Podman's and CRI-O's buffers hold exactly one packet of this size. */
#define HF_ATTACH_PAYLOAD_MAX 8192
#define HF_ATTACH_PACKET_MAX (1 + HF_ATTACH_PAYLOAD_MAX)

static inline unsigned char
hf_attach_frame_stream_byte(HfStream stream)
{
    return stream == HF_STREAM_STDERR ? HF_ATTACH_STREAM_STDERR : HF_ATTACH_STREAM_STDOUT;
}
