/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <stdio.h>
#include <sys/syscall.h>

#include <glib.h>

#include "sandbox/call-names.h"

static const struct {
    int number;
    char name[20]; /* no pointer: nothing is to be relocated */
} names[] = {
#ifdef SYS_accept
    {SYS_accept, "accept"},
#endif
#ifdef SYS_acct
    {SYS_acct, "acct"},
#endif
#ifdef SYS_add_key
    {SYS_add_key, "add_key"},
#endif
#ifdef SYS_adjtimex
    {SYS_adjtimex, "adjtimex"},
#endif
#ifdef SYS_bind
    {SYS_bind, "bind"},
#endif
#ifdef SYS_bpf
    {SYS_bpf, "bpf"},
#endif
#ifdef SYS_chdir
    {SYS_chdir, "chdir"},
#endif
#ifdef SYS_chmod
    {SYS_chmod, "chmod"},
#endif
#ifdef SYS_chown
    {SYS_chown, "chown"},
#endif
#ifdef SYS_chroot
    {SYS_chroot, "chroot"},
#endif
#ifdef SYS_clock_settime
    {SYS_clock_settime, "clock_settime"},
#endif
#ifdef SYS_clone
    {SYS_clone, "clone"},
#endif
#ifdef SYS_clone3
    {SYS_clone3, "clone3"},
#endif
#ifdef SYS_connect
    {SYS_connect, "connect"},
#endif
#ifdef SYS_creat
    {SYS_creat, "creat"},
#endif
#ifdef SYS_delete_module
    {SYS_delete_module, "delete_module"},
#endif
#ifdef SYS_epoll_create1
    {SYS_epoll_create1, "epoll_create1"},
#endif
#ifdef SYS_execve
    {SYS_execve, "execve"},
#endif
#ifdef SYS_execveat
    {SYS_execveat, "execveat"},
#endif
#ifdef SYS_fanotify_init
    {SYS_fanotify_init, "fanotify_init"},
#endif
#ifdef SYS_fchdir
    {SYS_fchdir, "fchdir"},
#endif
#ifdef SYS_fchmodat
    {SYS_fchmodat, "fchmodat"},
#endif
#ifdef SYS_fchown
    {SYS_fchown, "fchown"},
#endif
#ifdef SYS_fchownat
    {SYS_fchownat, "fchownat"},
#endif
#ifdef SYS_fcntl
    {SYS_fcntl, "fcntl"},
#endif
#ifdef SYS_finit_module
    {SYS_finit_module, "finit_module"},
#endif
#ifdef SYS_fork
    {SYS_fork, "fork"},
#endif
#ifdef SYS_fsconfig
    {SYS_fsconfig, "fsconfig"},
#endif
#ifdef SYS_fsmount
    {SYS_fsmount, "fsmount"},
#endif
#ifdef SYS_fsopen
    {SYS_fsopen, "fsopen"},
#endif
#ifdef SYS_getdents64
    {SYS_getdents64, "getdents64"},
#endif
#ifdef SYS_getxattr
    {SYS_getxattr, "getxattr"},
#endif
#ifdef SYS_init_module
    {SYS_init_module, "init_module"},
#endif
#ifdef SYS_inotify_add_watch
    {SYS_inotify_add_watch, "inotify_add_watch"},
#endif
#ifdef SYS_inotify_init1
    {SYS_inotify_init1, "inotify_init1"},
#endif
#ifdef SYS_io_setup
    {SYS_io_setup, "io_setup"},
#endif
#ifdef SYS_io_submit
    {SYS_io_submit, "io_submit"},
#endif
#ifdef SYS_io_uring_enter
    {SYS_io_uring_enter, "io_uring_enter"},
#endif
#ifdef SYS_io_uring_setup
    {SYS_io_uring_setup, "io_uring_setup"},
#endif
#ifdef SYS_ioctl
    {SYS_ioctl, "ioctl"},
#endif
#ifdef SYS_ioperm
    {SYS_ioperm, "ioperm"},
#endif
#ifdef SYS_iopl
    {SYS_iopl, "iopl"},
#endif
#ifdef SYS_kcmp
    {SYS_kcmp, "kcmp"},
#endif
#ifdef SYS_kexec_load
    {SYS_kexec_load, "kexec_load"},
#endif
#ifdef SYS_keyctl
    {SYS_keyctl, "keyctl"},
#endif
#ifdef SYS_kill
    {SYS_kill, "kill"},
#endif
#ifdef SYS_lchown
    {SYS_lchown, "lchown"},
#endif
#ifdef SYS_link
    {SYS_link, "link"},
#endif
#ifdef SYS_listen
    {SYS_listen, "listen"},
#endif
#ifdef SYS_mkdir
    {SYS_mkdir, "mkdir"},
#endif
#ifdef SYS_mkdirat
    {SYS_mkdirat, "mkdirat"},
#endif
#ifdef SYS_mknod
    {SYS_mknod, "mknod"},
#endif
#ifdef SYS_mknodat
    {SYS_mknodat, "mknodat"},
#endif
#ifdef SYS_mmap
    {SYS_mmap, "mmap"},
#endif
#ifdef SYS_mount
    {SYS_mount, "mount"},
#endif
#ifdef SYS_mount_setattr
    {SYS_mount_setattr, "mount_setattr"},
#endif
#ifdef SYS_move_mount
    {SYS_move_mount, "move_mount"},
#endif
#ifdef SYS_mprotect
    {SYS_mprotect, "mprotect"},
#endif
#ifdef SYS_name_to_handle_at
    {SYS_name_to_handle_at, "name_to_handle_at"},
#endif
#ifdef SYS_open
    {SYS_open, "open"},
#endif
#ifdef SYS_open_by_handle_at
    {SYS_open_by_handle_at, "open_by_handle_at"},
#endif
#ifdef SYS_open_tree
    {SYS_open_tree, "open_tree"},
#endif
#ifdef SYS_openat
    {SYS_openat, "openat"},
#endif
#ifdef SYS_openat2
    {SYS_openat2, "openat2"},
#endif
#ifdef SYS_perf_event_open
    {SYS_perf_event_open, "perf_event_open"},
#endif
#ifdef SYS_personality
    {SYS_personality, "personality"},
#endif
#ifdef SYS_pidfd_getfd
    {SYS_pidfd_getfd, "pidfd_getfd"},
#endif
#ifdef SYS_pidfd_open
    {SYS_pidfd_open, "pidfd_open"},
#endif
#ifdef SYS_pivot_root
    {SYS_pivot_root, "pivot_root"},
#endif
#ifdef SYS_prctl
    {SYS_prctl, "prctl"},
#endif
#ifdef SYS_prlimit64
    {SYS_prlimit64, "prlimit64"},
#endif
#ifdef SYS_process_madvise
    {SYS_process_madvise, "process_madvise"},
#endif
#ifdef SYS_process_vm_readv
    {SYS_process_vm_readv, "process_vm_readv"},
#endif
#ifdef SYS_process_vm_writev
    {SYS_process_vm_writev, "process_vm_writev"},
#endif
#ifdef SYS_ptrace
    {SYS_ptrace, "ptrace"},
#endif
#ifdef SYS_quotactl
    {SYS_quotactl, "quotactl"},
#endif
#ifdef SYS_readlink
    {SYS_readlink, "readlink"},
#endif
#ifdef SYS_readlinkat
    {SYS_readlinkat, "readlinkat"},
#endif
#ifdef SYS_reboot
    {SYS_reboot, "reboot"},
#endif
#ifdef SYS_removexattr
    {SYS_removexattr, "removexattr"},
#endif
#ifdef SYS_request_key
    {SYS_request_key, "request_key"},
#endif
#ifdef SYS_rt_sigqueueinfo
    {SYS_rt_sigqueueinfo, "rt_sigqueueinfo"},
#endif
#ifdef SYS_rt_tgsigqueueinfo
    {SYS_rt_tgsigqueueinfo, "rt_tgsigqueueinfo"},
#endif
#ifdef SYS_sched_setattr
    {SYS_sched_setattr, "sched_setattr"},
#endif
#ifdef SYS_sched_setscheduler
    {SYS_sched_setscheduler, "sched_setscheduler"},
#endif
#ifdef SYS_seccomp
    {SYS_seccomp, "seccomp"},
#endif
#ifdef SYS_setdomainname
    {SYS_setdomainname, "setdomainname"},
#endif
#ifdef SYS_setfsgid
    {SYS_setfsgid, "setfsgid"},
#endif
#ifdef SYS_setfsuid
    {SYS_setfsuid, "setfsuid"},
#endif
#ifdef SYS_setgid
    {SYS_setgid, "setgid"},
#endif
#ifdef SYS_setgroups
    {SYS_setgroups, "setgroups"},
#endif
#ifdef SYS_sethostname
    {SYS_sethostname, "sethostname"},
#endif
#ifdef SYS_setns
    {SYS_setns, "setns"},
#endif
#ifdef SYS_setpgid
    {SYS_setpgid, "setpgid"},
#endif
#ifdef SYS_setpriority
    {SYS_setpriority, "setpriority"},
#endif
#ifdef SYS_setregid
    {SYS_setregid, "setregid"},
#endif
#ifdef SYS_setresgid
    {SYS_setresgid, "setresgid"},
#endif
#ifdef SYS_setresuid
    {SYS_setresuid, "setresuid"},
#endif
#ifdef SYS_setreuid
    {SYS_setreuid, "setreuid"},
#endif
#ifdef SYS_setrlimit
    {SYS_setrlimit, "setrlimit"},
#endif
#ifdef SYS_setsid
    {SYS_setsid, "setsid"},
#endif
#ifdef SYS_settimeofday
    {SYS_settimeofday, "settimeofday"},
#endif
#ifdef SYS_setuid
    {SYS_setuid, "setuid"},
#endif
#ifdef SYS_setxattr
    {SYS_setxattr, "setxattr"},
#endif
#ifdef SYS_shmat
    {SYS_shmat, "shmat"},
#endif
#ifdef SYS_shmget
    {SYS_shmget, "shmget"},
#endif
#ifdef SYS_socket
    {SYS_socket, "socket"},
#endif
#ifdef SYS_socketpair
    {SYS_socketpair, "socketpair"},
#endif
#ifdef SYS_splice
    {SYS_splice, "splice"},
#endif
#ifdef SYS_statfs
    {SYS_statfs, "statfs"},
#endif
#ifdef SYS_swapoff
    {SYS_swapoff, "swapoff"},
#endif
#ifdef SYS_swapon
    {SYS_swapon, "swapon"},
#endif
#ifdef SYS_symlink
    {SYS_symlink, "symlink"},
#endif
#ifdef SYS_symlinkat
    {SYS_symlinkat, "symlinkat"},
#endif
#ifdef SYS_sync
    {SYS_sync, "sync"},
#endif
#ifdef SYS_syslog
    {SYS_syslog, "syslog"},
#endif
#ifdef SYS_tee
    {SYS_tee, "tee"},
#endif
#ifdef SYS_tgkill
    {SYS_tgkill, "tgkill"},
#endif
#ifdef SYS_timerfd_create
    {SYS_timerfd_create, "timerfd_create"},
#endif
#ifdef SYS_tkill
    {SYS_tkill, "tkill"},
#endif
#ifdef SYS_truncate
    {SYS_truncate, "truncate"},
#endif
#ifdef SYS_umount2
    {SYS_umount2, "umount2"},
#endif
#ifdef SYS_unshare
    {SYS_unshare, "unshare"},
#endif
#ifdef SYS_userfaultfd
    {SYS_userfaultfd, "userfaultfd"},
#endif
#ifdef SYS_utimensat
    {SYS_utimensat, "utimensat"},
#endif
#ifdef SYS_vfork
    {SYS_vfork, "vfork"},
#endif
#ifdef SYS_vmsplice
    {SYS_vmsplice, "vmsplice"},
#endif
};

const char *
hf_call_name(int number, char *buffer, size_t size)
{
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (names[i].number == number)
            return names[i].name;
    }
    (void)g_snprintf(buffer, size, "number %d", number);
    return buffer;
}
