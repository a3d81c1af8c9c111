/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works.
 *
 * A ruleset names the kinds of access that are denied everywhere but below the places that have a
 * rule. The kernel's version says which kinds it knows: what it does not know it does not deny. All
 * it knows are named, so that reading is denied as well.
 *
 * Renaming from one directory to another (REFER) is allowed nowhere; renaming within a directory is
 * no such thing. Signals are not scoped (version 6): the container's process is outside of what is
 * confined here, and is sent signals. */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "sandbox/landlock.h"

/* From the kernel's interface: headers may be older than the kernel. */
#define CREATE_RULESET 444
#define ADD_RULE 445
#define RESTRICT_SELF 446
#define VERSION_FLAG 1u
#define RULE_PATH_BENEATH 1

#define EXECUTE (1ull << 0)
#define WRITE_FILE (1ull << 1)
#define READ_FILE (1ull << 2)
#define READ_DIR (1ull << 3)
#define REMOVE_DIR (1ull << 4)
#define REMOVE_FILE (1ull << 5)
#define MAKE_REG (1ull << 8)
#define MAKE_FIFO (1ull << 10)
#define REFER (1ull << 13)
#define TRUNCATE (1ull << 14)
#define IOCTL_DEV (1ull << 15)
#define ALL_OF_VERSION_1 ((1ull << 13) - 1)

#define ON_FILES (EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV)

typedef struct {
    uint64_t fs;
    uint64_t net;
    uint64_t scoped;
} RulesetAttributes;

typedef struct {
    uint64_t allowed;
    int32_t parent_fd;
} __attribute__((packed)) PathRule;

#define SCOPE_ABSTRACT_SOCKETS (1ull << 0)

struct HfLandlock {
    int fd;
    uint64_t handled;
};

static const uint64_t rights[] = {
    [HF_PLACE_FILES] =
        WRITE_FILE | READ_FILE | READ_DIR | REMOVE_FILE | MAKE_REG | MAKE_FIFO | TRUNCATE,
    [HF_PLACE_LATER] = WRITE_FILE | READ_FILE | REMOVE_FILE | MAKE_REG | MAKE_FIFO | TRUNCATE,
    [HF_PLACE_REMOVAL] = REMOVE_FILE | REMOVE_DIR,
    [HF_PLACE_READING] = READ_FILE | READ_DIR,
    [HF_PLACE_PROGRAM] = EXECUTE | READ_FILE,
    [HF_PLACE_FILE] = WRITE_FILE | READ_FILE | TRUNCATE,
};

static uint64_t
get_handled(long version)
{
    uint64_t handled = ALL_OF_VERSION_1;

    if (version >= 2)
        handled |= REFER;
    if (version >= 3)
        handled |= TRUNCATE;
    if (version >= 5)
        handled |= IOCTL_DEV;
    return handled;
}

bool
hf_landlock_is_supported(void)
{
    return syscall(CREATE_RULESET, NULL, 0, VERSION_FLAG) >= 1;
}

HfLandlock *
hf_landlock_new(bool keeps_abstract_sockets, GError **error)
{
    long version = syscall(CREATE_RULESET, NULL, 0, VERSION_FLAG);
    RulesetAttributes attributes = {0};
    size_t size = sizeof attributes.fs;
    HfLandlock *self;

    if (version < 1)
        return hf_throw(error, HF_ERROR_NOT_SUPPORTED, "this kernel has no Landlock"), NULL;
    attributes.fs = get_handled(version);
    if (version >= 6) {
        size = sizeof attributes;
        attributes.scoped = keeps_abstract_sockets ? 0 : SCOPE_ABSTRACT_SOCKETS;
    }
    int fd = (int)syscall(CREATE_RULESET, &attributes, size, 0);
    if (fd < 0)
        return hf_throw_errno(error, "make a Landlock ruleset"), NULL;
    self = g_new0(HfLandlock, 1);
    self->fd = fd;
    self->handled = attributes.fs;
    return self;
}

void
hf_landlock_free(HfLandlock *self)
{
    if (self == NULL)
        return;
    hf_close_fd(&self->fd);
    g_free(self);
}

void
hf_landlock_allow(HfLandlock *self, HfPlaceKind kind, const char *path)
{
    hf_autofd fd = open(path, O_PATH | O_CLOEXEC);
    struct stat status;

    if (fd < 0 || fstat(fd, &status) < 0)
        return;
    PathRule rule = {.allowed = rights[kind] & self->handled, .parent_fd = fd};
    if (!S_ISDIR(status.st_mode))
        rule.allowed &= ON_FILES;
    (void)syscall(ADD_RULE, self->fd, RULE_PATH_BENEATH, &rule, 0);
}

gboolean
hf_landlock_enforce(HfLandlock *self, GError **error)
{
    if (syscall(RESTRICT_SELF, self->fd, 0) < 0)
        return hf_throw_errno(error, "enforce the Landlock ruleset");
    return TRUE;
}
