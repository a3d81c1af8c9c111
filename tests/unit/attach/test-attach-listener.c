/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib.h>

#include "attach/attach-listener.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/source.h"
#include "loop-checks.h"
#include "test-kit.h"

#define NOBODY 65534

typedef struct {
    GMainContext *context;
    HfAttachListener *listener;
    struct sockaddr_un address;
    socklen_t address_length;
    int client_fd; /* the last one that was handed over */
    guint n_waiting;
    guint n_clients;
    guint n_clients_at_output; /* how many there were when output had its first turn */
    guint n_refused;
    GError *last_reason;
    bool is_closing_on_client;
} Fixture;

static void
on_waiting(gpointer user_data)
{
    Fixture *self = user_data;

    self->n_waiting++;
}

static void
on_client(int take_fd, gpointer user_data)
{
    Fixture *self = user_data;

    hf_close_fd(&self->client_fd);
    self->client_fd = take_fd;
    self->n_clients++;
    if (self->is_closing_on_client)
        hf_attach_listener_close(self->listener);
}

static void
on_refused(const GError *reason, gpointer user_data)
{
    Fixture *self = user_data;

    self->n_refused++;
    g_clear_error(&self->last_reason);
    self->last_reason = g_error_copy(reason);
}

static void
set_up(Fixture *self)
{
    static const HfAttachListenerHandlers handlers = {
        .on_waiting = on_waiting,
        .on_client = on_client,
        .on_refused = on_refused,
    };
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    *self = (Fixture){.address.sun_family = AF_UNIX, .client_fd = -1};
    g_assert_cmpint(bind(fd, (struct sockaddr *)&self->address, sizeof(sa_family_t)), ==, 0);
    self->address_length = sizeof self->address;
    g_assert_cmpint(getsockname(fd, (struct sockaddr *)&self->address, &self->address_length), ==,
                    0);
    g_assert_cmpint(listen(fd, 1000), ==, 0);
    self->context = g_main_context_new();
    self->listener = hf_attach_listener_new(self->context, fd, &handlers, self);
}

static void
tear_down(Fixture *self)
{
    hf_attach_listener_free(self->listener);
    hf_close_fd(&self->client_fd);
    g_clear_error(&self->last_reason);
    g_main_context_unref(self->context);
}

static int
connect_client(const Fixture *self)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    g_assert_cmpint(connect(fd, (const struct sockaddr *)&self->address, self->address_length), ==,
                    0);
    return fd;
}

static void
test_client_is_handed_over_ready_for_use(void)
{
    Fixture self;

    set_up(&self);
    hf_autofd client = connect_client(&self);
    assert_asleep(self.context);

    g_assert_cmpuint(self.n_clients, ==, 1);
    g_assert_cmpint(fcntl(self.client_fd, F_GETFL) & O_NONBLOCK, ==, O_NONBLOCK);
    g_assert_cmpint(fcntl(self.client_fd, F_GETFD), ==, FD_CLOEXEC);
    tear_down(&self);
}

static void
test_other_users_are_refused(void)
{
    Fixture self;
    char byte;

    if (geteuid() != 0) {
        g_test_skip("needs root to be someone else");
        return;
    }
    set_up(&self);
    g_assert_cmpint(seteuid(NOBODY), ==, 0);
    hf_autofd client = connect_client(&self);
    g_assert_cmpint(seteuid(0), ==, 0);
    assert_asleep(self.context);

    g_assert_cmpuint(self.n_clients, ==, 0);
    g_assert_cmpuint(self.n_refused, ==, 1);
    g_assert_error(self.last_reason, HF_ERROR, HF_ERROR_FAILED);
    g_assert_cmpint(recv(client, &byte, 1, 0), ==, 0);
    tear_down(&self);
}

static void
test_own_user_and_root_are_welcome_without_root(void)
{
    Fixture self;

    if (geteuid() != 0) {
        g_test_skip("needs root to be someone else");
        return;
    }
    set_up(&self);
    hf_autofd root = connect_client(&self);
    g_assert_cmpint(seteuid(NOBODY), ==, 0);
    hf_autofd own = connect_client(&self);
    settle_without_spinning(self.context);
    g_assert_cmpint(seteuid(0), ==, 0);

    g_assert_cmpuint(self.n_clients, ==, 2);
    g_assert_cmpuint(self.n_refused, ==, 0);
    tear_down(&self);
}

static void
set_descriptor_limit(const struct rlimit *old, rlim_t limit)
{
    const struct rlimit limits = {.rlim_cur = limit, .rlim_max = old->rlim_max};

    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &limits), ==, 0);
}

static bool
has_client(gpointer user_data)
{
    return ((Fixture *)user_data)->n_clients > 0;
}

static void
test_shortage_of_descriptors_is_told_once_and_waited_out(void)
{
    if (hf_test_skip_under_valgrind("hand resource limits on"))
        return;

    Fixture self;
    struct rlimit old;

    set_up(&self);
    hf_autofd client = connect_client(&self);
    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &old), ==, 0);
    set_descriptor_limit(&old, 3);
    (void)g_main_context_iteration(self.context, FALSE);
    hf_attach_listener_accept_waiting(self.listener);
    g_assert_false(g_main_context_iteration(self.context, FALSE));
    set_descriptor_limit(&old, old.rlim_cur);
    g_assert_cmpuint(self.n_refused, ==, 1);
    g_assert_true(self.last_reason->domain == G_FILE_ERROR);
    g_assert_cmpint(self.last_reason->code, ==, G_FILE_ERROR_MFILE);
    hf_test_wait(self.context, "the client is accepted", has_client, &self);

    assert_asleep(self.context);
    g_assert_cmpuint(self.n_refused, ==, 1);
    tear_down(&self);
}

static void
test_close_from_within_a_callback_stops_at_once(void)
{
    Fixture self;

    set_up(&self);
    self.is_closing_on_client = true;
    hf_autofd first = connect_client(&self);
    hf_autofd second = connect_client(&self);
    assert_asleep(self.context);

    g_assert_cmpuint(self.n_clients, ==, 1);
    tear_down(&self);
}

static void
test_owner_hears_of_clients_before_they_are_accepted(void)
{
    Fixture self;

    set_up(&self);
    assert_asleep(self.context);
    g_assert_cmpuint(self.n_waiting, ==, 0);
    hf_autofd client = connect_client(&self);
    assert_asleep(self.context);

    g_assert_cmpuint(self.n_waiting, ==, 1);
    g_assert_cmpuint(self.n_clients, ==, 1);
    tear_down(&self);
}

static void
connect_clients(const Fixture *self, int *clients, gsize count)
{
    for (gsize i = 0; i < count; i++)
        clients[i] = connect_client(self);
}

static void
close_clients(int *clients, gsize count)
{
    for (gsize i = 0; i < count; i++)
        hf_close_fd(&clients[i]);
}

static void
test_one_wake_up_accepts_a_bounded_number(void)
{
    Fixture self;
    int clients[300];

    set_up(&self);
    connect_clients(&self, clients, G_N_ELEMENTS(clients));
    (void)g_main_context_iteration(self.context, FALSE);
    g_assert_cmpuint(self.n_clients, >, 0);
    g_assert_cmpuint(self.n_clients, <, 100);
    assert_asleep(self.context);

    g_assert_cmpuint(self.n_clients, ==, G_N_ELEMENTS(clients));
    close_clients(clients, G_N_ELEMENTS(clients));
    tear_down(&self);
}

static gboolean
on_output(gpointer user_data)
{
    Fixture *self = user_data;

    self->n_clients_at_output = self->n_clients;
    return G_SOURCE_REMOVE;
}

/* Output is ready while @count clients wait. Returns how many it has to wait for. */
static guint
count_clients_before_output(guint count)
{
    Fixture self;
    g_autofree int *clients = g_new(int, count);

    set_up(&self);
    connect_clients(&self, clients, count);
    GSource *output =
        hf_source_after(self.context, 0, HF_PRIORITY_OUTPUT, "output", on_output, &self);
    assert_asleep(self.context);

    g_assert_cmpuint(self.n_clients, ==, count);
    hf_source_clear(&output);
    close_clients(clients, count);
    tear_down(&self);
    return self.n_clients_at_output;
}

static void
test_all_that_the_backlog_holds_come_before_output(void)
{
    g_assert_cmpuint(count_clients_before_output(129), ==, 129);
}

static void
test_clients_without_end_do_not_keep_output_waiting(void)
{
    g_assert_cmpuint(count_clients_before_output(900), <, 300);
}

static void
test_close_while_output_has_its_turn(void)
{
    Fixture self;
    int clients[300];

    set_up(&self);
    connect_clients(&self, clients, G_N_ELEMENTS(clients));
    while (self.n_clients < 256)
        g_assert_true(g_main_context_iteration(self.context, FALSE));
    hf_attach_listener_close(self.listener);
    assert_asleep(self.context);

    g_assert_cmpuint(self.n_clients, ==, 256);
    close_clients(clients, G_N_ELEMENTS(clients));
    tear_down(&self);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    hf_test_add("/attach/attach-listener/client-is-handed-over-ready-for-use",
                test_client_is_handed_over_ready_for_use);
    hf_test_add("/attach/attach-listener/other-users-are-refused", test_other_users_are_refused);
    hf_test_add("/attach/attach-listener/own-user-and-root-are-welcome-without-root",
                test_own_user_and_root_are_welcome_without_root);
    hf_test_add("/attach/attach-listener/shortage-of-descriptors-is-told-once-and-waited-out",
                test_shortage_of_descriptors_is_told_once_and_waited_out);
    hf_test_add("/attach/attach-listener/close-from-within-a-callback-stops-at-once",
                test_close_from_within_a_callback_stops_at_once);
    hf_test_add("/attach/attach-listener/owner-hears-of-clients-before-they-are-accepted",
                test_owner_hears_of_clients_before_they_are_accepted);
    hf_test_add("/attach/attach-listener/one-wake-up-accepts-a-bounded-number",
                test_one_wake_up_accepts_a_bounded_number);
    hf_test_add("/attach/attach-listener/all-that-the-backlog-holds-come-before-output",
                test_all_that_the_backlog_holds_come_before_output);
    hf_test_add("/attach/attach-listener/clients-without-end-do-not-keep-output-waiting",
                test_clients_without_end_do_not_keep_output_waiting);
    hf_test_add("/attach/attach-listener/close-while-output-has-its-turn",
                test_close_while_output_has_its_turn);

    return g_test_run();
}
