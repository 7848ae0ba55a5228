// Linux calls that Swift's Glibc module does not show, or shows in a form that is awkward to call: variadic functions,
// packed structures, macros. Every function returns -1 and sets errno on failure, as the call that it stands for.
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// GNU extensions. Declared here because defining _GNU_SOURCE would give structures shared with Swift's Glibc module
// another shape.
extern int accept4(int, struct sockaddr *_Nullable, socklen_t *_Nullable, int);
extern int pthread_setname_np(pthread_t, const char *_Nonnull);

static inline int clinux_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

// `token` comes back with every event of this descriptor.
static inline int clinux_epoll_control(int epoll, int operation, int descriptor, uint32_t events, uint64_t token) {
    struct epoll_event event;
    event.events = events;
    event.data.u64 = token;
    return epoll_ctl(epoll, operation, descriptor, &event);
}

static inline int clinux_epoll_wait(int epoll, struct epoll_event *_Nonnull events, int capacity, int milliseconds) {
    return epoll_wait(epoll, events, capacity, milliseconds);
}

// epoll_event is packed on x86-64; reading members through these keeps Swift away from its layout.
static inline uint32_t clinux_event_flags(const struct epoll_event *_Nonnull events, int index) {
    return events[index].events;
}
static inline uint64_t clinux_event_token(const struct epoll_event *_Nonnull events, int index) {
    return events[index].data.u64;
}

static inline int clinux_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }
static inline int clinux_eventfd_signal(int descriptor) { return eventfd_write(descriptor, 1); }

static inline int clinux_tcp_socket(int family) {
    return socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
}
static inline int clinux_accept(int descriptor, struct sockaddr_storage *_Nonnull address) {
    socklen_t length = sizeof(*address);
    return accept4(descriptor, (struct sockaddr *)address, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
}
static inline int clinux_bind(int descriptor, const struct sockaddr_storage *_Nonnull address) {
    socklen_t length = address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    return bind(descriptor, (const struct sockaddr *)address, length);
}
static inline int clinux_local_address(int descriptor, struct sockaddr_storage *_Nonnull address) {
    socklen_t length = sizeof(*address);
    return getsockname(descriptor, (struct sockaddr *)address, &length);
}
static inline int clinux_set_flag(int descriptor, int level, int option, int value) {
    return setsockopt(descriptor, level, option, &value, sizeof(value));
}
static inline int clinux_no_delay(int descriptor) {
    return clinux_set_flag(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
}

// MSG_NOSIGNAL: a peer that went away is EPIPE for this connection, not SIGPIPE for the process.
// MSG_MORE: the caller sends more at once, so a half-full packet may wait for it.
static inline ssize_t clinux_send(int descriptor, const void *_Nonnull bytes, size_t count, int has_more) {
    return send(descriptor, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT | (has_more ? MSG_MORE : 0));
}
static inline ssize_t clinux_receive(int descriptor, void *_Nonnull bytes, size_t count) {
    return recv(descriptor, bytes, count, MSG_DONTWAIT);
}

static inline int clinux_open_for_reading(const char *_Nonnull path) { return open(path, O_RDONLY | O_CLOEXEC); }

static inline void clinux_ignore_broken_pipe(void) { signal(SIGPIPE, SIG_IGN); }
// The kernel takes 15 bytes and refuses longer names.
static inline void clinux_name_thread(const char *_Nonnull name) {
    char cut[16];
    int length = 0;
    while (length < 15 && name[length] != 0) { cut[length] = name[length]; length++; }
    cut[length] = 0;
    pthread_setname_np(pthread_self(), cut);
}
static inline int clinux_errno(void) { return errno; }
