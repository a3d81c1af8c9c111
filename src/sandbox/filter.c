/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works.
 *
 * The list is what this program calls once the process runs, from tests that run every scenario
 * under it: a denied call is reported, and fails the test. It is the list of two libcs' and several
 * kernels' forms of the same work, so it names both where there are an old and a new call. What has
 * no number on this processor is left out.
 *
 * An argument that is a pointer cannot be looked at, so that paths are Landlock's business
 * (landlock.c). Descriptors, flags and commands can:
 *
 *   openat      not for reading alone, but of directories (their names), and O_PATH; for reading
 *               where there is something to be read and Landlock says what
 *   execveat    of one descriptor, which upgrades use, with an empty path
 *   clone       as fork(2) calls it: no namespace, no thread
 *   kill        of the process's group (--timeout), tgkill of this process (abort)
 *   mmap        no code, unless libraries are to be loaded
 *   fcntl       no F_SETOWN and F_SETSIG, by which the kernel sends signals
 *   ioctl       of terminals their size, of sockets and pipes what waits, of pidfds the status */

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/process-ref.h"
#include "sandbox/bpf-program.h"
#include "sandbox/denials.h"
#include "sandbox/filter.h"

#if defined(__x86_64__) && !defined(__ILP32__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__) && !defined(__ILP32__) && G_BYTE_ORDER == G_LITTLE_ENDIAN
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#endif

/* The runtime of a sanitizer has calls of its own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || \
    __has_feature(thread_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif

#define WHOLE 0xffffffffu
#define IS(argument, value)                       \
    {                                             \
        argument, WHOLE, (uint32_t)(value), false \
    }

static const int calls[] = {
    /* descriptors */
    SYS_read,
    SYS_readv,
    SYS_pread64,
    SYS_write,
    SYS_writev,
    SYS_pwrite64,
    SYS_close,
    SYS_lseek,
    SYS_dup,
    SYS_dup3,
    SYS_pipe2,
    SYS_eventfd2,
    SYS_signalfd4,
    SYS_memfd_create,
    SYS_ppoll,
    SYS_fstat,
    SYS_ftruncate,
    SYS_fallocate,
    SYS_fchmod,
    SYS_fsync,
    SYS_fdatasync,
#ifdef SYS_close_range
    SYS_close_range,
#endif
#ifdef SYS_poll
    SYS_poll,
#endif
#ifdef SYS_dup2
    SYS_dup2,
#endif
    /* files */
    SYS_newfstatat,
    SYS_statx,
    SYS_faccessat,
    SYS_unlinkat,
    SYS_renameat2,
    SYS_linkat,
    SYS_getcwd,
    SYS_umask,
    SYS_getdents64,
    SYS_readlinkat,
#ifdef SYS_faccessat2
    SYS_faccessat2,
#endif
#ifdef SYS_renameat
    SYS_renameat,
#endif
#ifdef SYS_stat
    SYS_stat,
    SYS_lstat,
    SYS_access,
    SYS_unlink,
    SYS_rename,
    SYS_rmdir,
    SYS_readlink,
#endif
    /* sockets that are there */
    SYS_sendto,
    SYS_sendmsg,
    SYS_sendmmsg,
    SYS_recvfrom,
    SYS_recvmsg,
    SYS_accept4,
    SYS_shutdown,
    SYS_getsockopt,
    SYS_setsockopt,
    SYS_getsockname,
    SYS_getpeername,
    /* memory */
    SYS_munmap,
    SYS_mremap,
    SYS_madvise,
    SYS_brk,
    /* time and chance */
    SYS_clock_gettime,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_gettimeofday,
    SYS_timerfd_create,
    SYS_timerfd_settime,
    SYS_getrandom,
    /* this process, signals, children */
    SYS_getpid,
    SYS_gettid,
    SYS_getppid,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_getpgid,
    SYS_uname,
    SYS_sched_yield,
    SYS_futex,
    SYS_capget,
    SYS_capset,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_sigaltstack,
    SYS_restart_syscall,
    SYS_wait4,
    SYS_waitid,
    SYS_exit,
    SYS_exit_group,
    SYS_pidfd_send_signal,
#ifdef SYS_getpgrp
    SYS_getpgrp,
#endif
};

/* What a program calls before its main(). */
static const int start_calls[] = {
    SYS_set_tid_address,
    SYS_setitimer,
#ifdef SYS_rseq
    SYS_rseq,
#endif
#ifdef SYS_arch_prctl
    SYS_arch_prctl,
#endif
};

static void
allow_each(HfBpfProgram *program, const int *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        hf_bpf_allow(program, numbers[i]);
}

static void
allow_opening(HfBpfProgram *program, bool can_read)
{
    const uint32_t not_a_plain_read = O_ACCMODE | O_PATH | O_DIRECTORY;
    const HfBpfTest flags[] = {{2, not_a_plain_read, O_RDONLY, .is_other = true}};
    const HfBpfTest old_flags[] = {{1, not_a_plain_read, O_RDONLY, .is_other = true}};
    const HfBpfTest fifo[] = {{2, S_IFMT, S_IFIFO, false}};
    const HfBpfTest old_fifo[] = {{1, S_IFMT, S_IFIFO, false}};

    if (can_read)
        hf_bpf_allow(program, SYS_openat);
    else
        hf_bpf_allow_if_any(program, SYS_openat, flags, G_N_ELEMENTS(flags));
    hf_bpf_allow_if_any(program, SYS_mknodat, fifo, G_N_ELEMENTS(fifo));
#ifdef SYS_open
    if (can_read)
        hf_bpf_allow(program, SYS_open);
    else
        hf_bpf_allow_if_any(program, SYS_open, old_flags, G_N_ELEMENTS(old_flags));
    hf_bpf_allow_if_any(program, SYS_mknod, old_fifo, G_N_ELEMENTS(old_fifo));
#else
    (void)old_flags;
    (void)old_fifo;
#endif
}

static void
allow_commands(HfBpfProgram *program)
{
    const HfBpfTest fcntl_commands[] = {
        IS(1, F_GETFD),         IS(1, F_SETFD),     IS(1, F_GETFL),      IS(1, F_SETFL),
        IS(1, F_DUPFD_CLOEXEC), IS(1, F_DUPFD),     IS(1, F_GETPIPE_SZ), IS(1, F_SETPIPE_SZ),
        IS(1, F_OFD_GETLK),     IS(1, F_OFD_SETLK), IS(1, F_ADD_SEALS),  IS(1, F_GET_SEALS),
    };
    const HfBpfTest ioctl_commands[] = {
        IS(1, TIOCSWINSZ), IS(1, TIOCGWINSZ), IS(1, TCGETS),
        IS(1, FIONREAD),   IS(1, SIOCOUTQ),   IS(1, HF_PROCESS_REF_STATUS_IOCTL),
    };
    const HfBpfTest prctl_commands[] = {
        IS(0, PR_SET_CHILD_SUBREAPER), IS(0, PR_SET_PDEATHSIG), IS(0, PR_SET_DUMPABLE),
        IS(0, PR_GET_DUMPABLE),        IS(0, PR_SET_NAME),      IS(0, PR_GET_SECCOMP),
        IS(0, PR_SET_NO_NEW_PRIVS),    IS(0, PR_CAPBSET_READ),  IS(0, PR_CAPBSET_DROP),
        IS(0, PR_GET_SECUREBITS),      IS(0, PR_SET_VMA),
    };
    const HfBpfTest own_limits[] = {IS(0, 0)};
#ifdef SYS_getrlimit
    hf_bpf_allow(program, SYS_getrlimit);
#endif
    hf_bpf_allow_if_any(program, SYS_fcntl, fcntl_commands, G_N_ELEMENTS(fcntl_commands));
    hf_bpf_allow_if_any(program, SYS_ioctl, ioctl_commands, G_N_ELEMENTS(ioctl_commands));
    hf_bpf_allow_if_any(program, SYS_prctl, prctl_commands, G_N_ELEMENTS(prctl_commands));
    hf_bpf_allow_if_any(program, SYS_prlimit64, own_limits, G_N_ELEMENTS(own_limits));
}

static void
allow_memory(HfBpfProgram *program, bool can_map_code)
{
    const HfBpfTest no_code[] = {{2, PROT_EXEC, 0, false}};

    if (can_map_code) {
        hf_bpf_allow(program, SYS_mmap);
        hf_bpf_allow(program, SYS_mprotect);
        return;
    }
    hf_bpf_allow_if_any(program, SYS_mmap, no_code, G_N_ELEMENTS(no_code));
    hf_bpf_allow_if_any(program, SYS_mprotect, no_code, G_N_ELEMENTS(no_code));
}

/* A child is killed by its parent's end and by its own alarm, not from here. */
static void
allow_signals(HfBpfProgram *program, const pid_t groups[2])
{
    const HfBpfTest of_groups[] = {IS(0, -groups[0]), IS(0, -groups[1])};
    const HfBpfTest of_self[] = {IS(0, getpid())};

    if (groups[0] > 1 && groups[1] > 1)
        hf_bpf_allow_if_any(program, SYS_kill, of_groups, G_N_ELEMENTS(of_groups));
    hf_bpf_allow_if_all(program, SYS_tgkill, of_self, G_N_ELEMENTS(of_self));
}

static void
allow_children(HfBpfProgram *program, const HfFilterOptions *options)
{
    const HfBpfTest as_fork[] = {IS(0, CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID | SIGCHLD)};
    const HfBpfTest own_priority[] = {IS(0, PRIO_PROCESS), IS(1, 0)};
    const HfBpfTest of_program[] = {IS(0, options->program_fd), IS(4, AT_EMPTY_PATH)};

    if (options->can_fork || options->program_fd >= 0) {
        hf_bpf_allow(program, SYS_set_robust_list);
        hf_bpf_allow_if_all(program, SYS_clone, as_fork, G_N_ELEMENTS(as_fork));
        hf_bpf_allow_if_all(program, SYS_setpriority, own_priority, G_N_ELEMENTS(own_priority));
    }
    if (options->program_fd < 0)
        return;
    hf_bpf_allow_if_all(program, SYS_execveat, of_program, G_N_ELEMENTS(of_program));
    allow_each(program, start_calls, G_N_ELEMENTS(start_calls));
}

static void
allow_sockets(HfBpfProgram *program, const HfFilterOptions *options)
{
    HfBpfTest families[3];
    guint count = 0;

    if (options->has_unix_sockets)
        families[count++] = (HfBpfTest)IS(0, AF_UNIX);
    if (options->has_inet_sockets) {
        families[count++] = (HfBpfTest)IS(0, AF_INET);
        families[count++] = (HfBpfTest)IS(0, AF_INET6);
    }
    if (count == 0)
        return;
    hf_bpf_allow_if_any(program, SYS_socket, families, count);
    hf_bpf_allow(program, SYS_connect);
}

gboolean
hf_filter_check(GError **error)
{
#if defined(HAS_SANITIZER)
    return hf_throw(error, HF_ERROR_NOT_SUPPORTED, "this is a build with a sanitizer");
#elif !defined(NATIVE_ARCH)
    return hf_throw(error, HF_ERROR_NOT_SUPPORTED,
                    "there is no list of system calls for this kind of processor");
#else
    const uint32_t action = SECCOMP_RET_TRAP;

    if (!hf_denials_are_supported())
        return hf_throw(error, HF_ERROR_NOT_SUPPORTED, "no calls can be denied on this processor");
    if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) < 0)
        return hf_throw(error, HF_ERROR_NOT_SUPPORTED, "this kernel has no seccomp filters");
    return TRUE;
#endif
}

static void
make_program(HfBpfProgram *program, const HfFilterOptions *options)
{
#ifdef NATIVE_ARCH
    hf_bpf_begin(program, NATIVE_ARCH, options->denial);
#endif
    allow_each(program, calls, G_N_ELEMENTS(calls));
    allow_opening(program, options->can_read);
    allow_commands(program);
    allow_memory(program, options->can_map_code);
    allow_signals(program, options->groups);
    allow_children(program, options);
    allow_sockets(program, options);
    hf_bpf_end(program);
}

gboolean
hf_filter_install(const HfFilterOptions *options, GError **error)
{
    HfBpfProgram program;

    if (!hf_filter_check(error))
        return FALSE;
    make_program(&program, options);
    const struct sock_fprog filter = {.len = (unsigned short)program.length,
                                      .filter = program.code};
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) < 0)
        return hf_throw_errno(error, "install the seccomp filter");
    return TRUE;
}
