/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works.
 *
 * What an exec of root's gets is the bounding set, so the exit command has everything again as long
 * as that set is left alone; what an exec of another user's gets is his ambient set, which does not
 * survive the cut. So a process of another user that executes something keeps what it has, and so
 * does a root that is none (SECBIT_NOROOT).
 *
 * The effective set is cut first: whether CAP_DAC_OVERRIDE is needed can be seen only without it,
 * and it must still be in the permitted set then. */

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "sandbox/privileges.h"

#define BIT(capability) (1ull << (capability))
#define KEPT_MOST (BIT(CAP_KILL) | BIT(CAP_DAC_OVERRIDE))

typedef struct {
    guint64 effective;
    guint64 permitted;
} Sets;

gboolean
hf_privileges_stop_cores(rlim_t *out_core, GError **error)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_CORE, &limit) < 0)
        return hf_throw_errno(error, "get the limit for core dumps");
    *out_core = limit.rlim_cur;
    limit.rlim_cur = 0;
    if (setrlimit(RLIMIT_CORE, &limit) < 0)
        return hf_throw_errno(error, "set the limit for core dumps");
    return TRUE;
}

gboolean
hf_privileges_hide(GError **error)
{
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return hf_throw_errno(error, "become undumpable");
    return TRUE;
}

gboolean
hf_privileges_freeze(GError **error)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return hf_throw_errno(error, "set no_new_privs");
    /* Without CAP_SETPCAP they stay, and no_new_privs does as much. What an upgrade is to have
     * again is left: an exec of root's gets what is in this set and was permitted before. */
    for (int capability = 0; capability < 64; capability++) {
        if ((KEPT_MOST & BIT(capability)) == 0 && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
            break;
    }
    return TRUE;
}

static gboolean
get_sets(Sets *out_sets, GError **error)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

    if (syscall(SYS_capget, &header, data) < 0)
        return hf_throw_errno(error, "get the capabilities");
    out_sets->effective = data[0].effective | (guint64)data[1].effective << 32;
    out_sets->permitted = data[0].permitted | (guint64)data[1].permitted << 32;
    return TRUE;
}

/* The inheritable set, and with it the ambient one, becomes empty. */
static gboolean
set_sets(const Sets *sets, GError **error)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
        {.effective = (guint32)sets->effective, .permitted = (guint32)sets->permitted},
        {.effective = (guint32)(sets->effective >> 32),
         .permitted = (guint32)(sets->permitted >> 32)},
    };

    if (syscall(SYS_capset, &header, data) < 0)
        return hf_throw_errno(error, "set the capabilities");
    return TRUE;
}

static bool
gets_them_back(void)
{
    int bits = prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);

    return geteuid() == 0 && bits >= 0 && (bits & SECBIT_NOROOT) == 0;
}

static bool
can_write(const char *const *paths)
{
    for (; *paths != NULL; paths++) {
        struct stat status;
        int mode = stat(*paths, &status) == 0 && S_ISDIR(status.st_mode) ? W_OK | X_OK : W_OK;

        if (faccessat(AT_FDCWD, *paths, mode, AT_EACCESS) < 0 && errno == EACCES)
            return false;
    }
    return true;
}

gboolean
hf_privileges_cut(const HfPrivileges *self, GError **error)
{
    Sets sets = {0};
    guint64 kept = BIT(CAP_KILL) | (self->keeps_trace ? BIT(CAP_SYS_PTRACE) : 0);

    if (!get_sets(&sets, error))
        return FALSE;
    if (sets.permitted == 0 || (self->executes && !gets_them_back()))
        return TRUE;
    sets.effective &= kept;
    if (!set_sets(&sets, error))
        return FALSE;
    if (!can_write(self->written))
        kept |= BIT(CAP_DAC_OVERRIDE);
    sets.permitted &= kept;
    sets.effective = sets.permitted;
    return set_sets(&sets, error);
}
