/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/process-ref.h"
#include "base/source.h"
#include "monitor/reaper.h"

/* How this works.
 *
 * SIGCHLD comes through a signalfd; one signal can stand for many children, so each makes us call
 * waitpid(-1) until it has none. A watch whose pid comes up is told from the same wake-up.
 *
 * The pid of the container's process is known only when the runtime has written it to a file, and
 * by then the process may have ended and been reaped here. So the statuses of children that nobody
 * asked for are kept (the newest STRANGERS_MAX), until hf_reaper_forget_strangers(): a container
 * that shares the host's pid namespace can make any number of them.
 *
 * Some runtimes leave a process that never becomes our child. Its pidfd tells its end, and newer
 * kernels its status. A pidfd of a child becomes readable at about the time of SIGCHLD; then the
 * child is looked for first.
 *
 * A child that is traced (CRIU traces what it dumps) ends for its tracer first. Its pidfd is
 * readable at once, but waitpid() gives it to us, with a SIGCHLD, only when the tracer has seen it
 * or is gone. The pidfd is not looked at in between: it would be ready all the time.
 *
 * Of a process that is no child the kernel tells the status after its parent has taken it
 * (PIDFD_GET_INFO), and /proc/PID/stat before that. A parent that takes its time where /proc does
 * not tell is waited for, ZOMBIE_LOOKS_MAX looks long; then the status is unknown. */

#define STRANGERS_MAX 64
#define ZOMBIE_LOOK_MS 50
#define ZOMBIE_LOOKS_MAX 40

typedef struct {
    HfReaper *reaper; /* borrowed */
    pid_t pid;
    HfProcessRef *ref; /* NULL if the process was gone when the watch was made */
    bool is_ref_borrowed;
    guint n_looks;         /* at an ended process whose status its parent has not taken */
    GSource *pidfd_source; /* NULL without ref */
    GSource *gone_source;  /* tells from the main loop what was known at once */
    int wait_status;
    bool is_known;
    HfReaperFunc on_exit;
    gpointer user_data;
} Watch;

typedef struct {
    pid_t pid;
    int wait_status;
} Stranger;

struct HfReaper {
    GMainContext *context; /* borrowed */
    int signal_fd;
    GSource *source;
    GPtrArray *watches; /* of Watch, owned */
    GArray *strangers;  /* of Stranger, NULL once forgotten */
};

static void
watch_free(gpointer data)
{
    Watch *watch = data;

    hf_source_clear(&watch->pidfd_source);
    hf_source_clear(&watch->gone_source);
    if (!watch->is_ref_borrowed)
        hf_process_ref_free(watch->ref);
    g_free(watch);
}

static Watch *
find_watch(HfReaper *self, pid_t pid)
{
    for (guint i = 0; i < self->watches->len; i++) {
        Watch *watch = g_ptr_array_index(self->watches, i);

        if (watch->pid == pid)
            return watch;
    }
    return NULL;
}

/* The watch is gone before its owner hears of it, so that he may watch or unwatch from there. */
static void
tell(HfReaper *self, Watch *watch, int wait_status, bool is_known)
{
    HfReaperFunc on_exit = watch->on_exit;
    gpointer user_data = watch->user_data;
    pid_t pid = watch->pid;

    g_ptr_array_remove_fast(self->watches, watch);
    on_exit(pid, wait_status, is_known, user_data);
}

static void
remember_stranger(HfReaper *self, pid_t pid, int wait_status)
{
    Stranger stranger = {.pid = pid, .wait_status = wait_status};

    if (self->strangers == NULL)
        return;
    if (self->strangers->len == STRANGERS_MAX)
        g_array_remove_index(self->strangers, 0);
    g_array_append_val(self->strangers, stranger);
}

static void
reap_all(HfReaper *self)
{
    for (;;) {
        int wait_status = 0;
        pid_t pid = waitpid(-1, &wait_status, WNOHANG);

        if (pid < 0 && errno == EINTR)
            continue;
        if (pid <= 0)
            return;

        Watch *watch = find_watch(self, pid);
        if (watch != NULL)
            tell(self, watch, wait_status, true);
        else
            remember_stranger(self, pid, wait_status);
    }
}

static gboolean
on_sigchld(int fd, GIOCondition condition, gpointer user_data)
{
    HfReaper *self = user_data;
    struct signalfd_siginfo info;

    while (read(fd, &info, sizeof info) == (ssize_t)sizeof info)
        continue;
    reap_all(self);
    return G_SOURCE_CONTINUE;
}

/* TRUE for a child, also for one that cannot be waited for yet. */
static bool
is_child(pid_t pid)
{
    siginfo_t info;
    int result;

    do {
        result = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
    } while (result < 0 && errno == EINTR);
    return result == 0;
}

/* It is no child. Until its own parent has taken its status, the kernel may not tell it to others.
 */
static gboolean
on_look_at_zombie(gpointer user_data)
{
    Watch *watch = user_data;
    int wait_status = 0;
    bool is_known = hf_process_ref_try_exit_status(watch->ref, &wait_status);

    if (!is_known && hf_process_ref_is_gone(watch->ref)) {
        is_known = hf_process_ref_try_exit_status(watch->ref, &wait_status);
        watch->n_looks = ZOMBIE_LOOKS_MAX;
    }
    if (is_known || watch->n_looks >= ZOMBIE_LOOKS_MAX) {
        tell(watch->reaper, watch, wait_status, is_known);
        return G_SOURCE_REMOVE;
    }
    watch->n_looks++;
    hf_source_clear(&watch->pidfd_source);
    if (watch->gone_source == NULL)
        watch->gone_source = hf_source_after(watch->reaper->context, ZOMBIE_LOOK_MS,
                                             HF_PRIORITY_CHILD, "zombie", on_look_at_zombie, watch);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_process_gone(int fd, GIOCondition condition, gpointer user_data)
{
    Watch *watch = user_data;
    HfReaper *self = watch->reaper;
    pid_t pid = watch->pid;

    reap_all(self);
    watch = find_watch(self, pid);
    if (watch == NULL)
        return G_SOURCE_REMOVE;
    if (is_child(pid)) {
        hf_source_clear(&watch->pidfd_source);
        return G_SOURCE_REMOVE;
    }
    (void)on_look_at_zombie(watch);
    return G_SOURCE_REMOVE;
}

static gboolean
on_gone_before(gpointer user_data)
{
    Watch *watch = user_data;

    tell(watch->reaper, watch, watch->wait_status, watch->is_known);
    return G_SOURCE_REMOVE;
}

HfReaper *
hf_reaper_new(GMainContext *context, GError **error)
{
    g_autoptr(HfReaper) self = g_new0(HfReaper, 1);
    sigset_t mask;

    self->context = context;
    self->watches = g_ptr_array_new_with_free_func(watch_free);
    self->strangers = g_array_new(FALSE, FALSE, sizeof(Stranger));
    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    self->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    if (self->signal_fd < 0)
        return hf_throw_errno(error, "make a signal descriptor"), NULL;
    self->source = hf_source_watch_fd(context, self->signal_fd, G_IO_IN, HF_PRIORITY_CHILD,
                                      "reaper", on_sigchld, self);
    return g_steal_pointer(&self);
}

void
hf_reaper_free(HfReaper *self)
{
    if (self == NULL)
        return;
    hf_source_clear(&self->source);
    g_clear_pointer(&self->watches, g_ptr_array_unref);
    hf_close_fd(&self->signal_fd);
    hf_reaper_forget_strangers(self);
    g_free(self);
}

static bool
take_stranger(HfReaper *self, pid_t pid, int *out_wait_status)
{
    /* The newest first: of two processes that had the same pid, the later one is meant. */
    for (guint i = self->strangers != NULL ? self->strangers->len : 0; i > 0; i--) {
        const Stranger *stranger = &g_array_index(self->strangers, Stranger, i - 1);

        if (stranger->pid != pid)
            continue;
        *out_wait_status = stranger->wait_status;
        g_array_remove_index(self->strangers, i - 1);
        return true;
    }
    return false;
}

static Watch *
add_watch(HfReaper *self, pid_t pid, HfReaperFunc on_exit, gpointer user_data)
{
    Watch *watch = g_new0(Watch, 1);

    watch->reaper = self;
    watch->pid = pid;
    watch->on_exit = on_exit;
    watch->user_data = user_data;
    g_ptr_array_add(self->watches, watch);
    return watch;
}

void
hf_reaper_watch(HfReaper *self, pid_t pid, HfReaperFunc on_exit, gpointer user_data)
{
    Watch *watch = add_watch(self, pid, on_exit, user_data);
    g_autoptr(GError) error = NULL;

    watch->is_known = take_stranger(self, pid, &watch->wait_status);
    if (!watch->is_known)
        watch->ref = hf_process_ref_new(pid, &error);
    /* Without a pidfd for another reason than the process's end, SIGCHLD alone has to tell. */
    if (error != NULL && !g_error_matches(error, HF_ERROR, HF_ERROR_NOT_FOUND))
        return;
    if (watch->ref == NULL) {
        watch->gone_source = hf_source_after(self->context, 0, HF_PRIORITY_CHILD, "process gone",
                                             on_gone_before, watch);
        return;
    }
    watch->pidfd_source =
        hf_source_watch_fd(self->context, hf_process_ref_get_fd(watch->ref), G_IO_IN,
                           HF_PRIORITY_CHILD, "pidfd", on_process_gone, watch);
}

void
hf_reaper_watch_child(HfReaper *self, pid_t pid, HfReaperFunc on_exit, gpointer user_data)
{
    (void)add_watch(self, pid, on_exit, user_data);
}

void
hf_reaper_watch_ref(HfReaper *self, HfProcessRef *ref, HfReaperFunc on_exit, gpointer user_data)
{
    Watch *watch = add_watch(self, hf_process_ref_get_pid(ref), on_exit, user_data);

    watch->ref = ref;
    watch->is_ref_borrowed = true;
    watch->pidfd_source = hf_source_watch_fd(self->context, hf_process_ref_get_fd(ref), G_IO_IN,
                                             HF_PRIORITY_CHILD, "pidfd", on_process_gone, watch);
}

void
hf_reaper_unwatch(HfReaper *self, pid_t pid)
{
    Watch *watch = find_watch(self, pid);

    if (watch != NULL)
        g_ptr_array_remove_fast(self->watches, watch);
}

void
hf_reaper_forget_strangers(HfReaper *self)
{
    g_clear_pointer(&self->strangers, g_array_unref);
}
