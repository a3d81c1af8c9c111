/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* libholdfast: containers that live on disk.
 *
 * A container is a directory. Any program may make one, load one that another has made, and go on
 * with it; each of its processes is watched by a monitor, which needs none of these programs. No
 * object here keeps anything that is not on disk: dropping one changes nothing.
 *
 * Functions that may take long have a GCancellable and a form for main loops. Objects are to be
 * used from one thread at a time. */

#pragma once

#include <holdfast/adoption.h>
#include <holdfast/attach.h>
#include <holdfast/checkpoint.h>
#include <holdfast/container.h>
#include <holdfast/error.h>
#include <holdfast/events.h>
#include <holdfast/log.h>
#include <holdfast/mount.h>
#include <holdfast/process.h>
#include <holdfast/resources.h>
#include <holdfast/spec.h>
#include <holdfast/stats.h>
#include <holdfast/stdio.h>
#include <holdfast/version.h>
