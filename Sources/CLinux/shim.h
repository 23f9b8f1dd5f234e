// What only Linux has, in the form Swift can call: inline wrappers over system calls and the
// structures that glibc hides behind _GNU_SOURCE. No logic lives here.
#pragma once

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/openat2.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <malloc.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/types.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

// fcntl.h constants that need _GNU_SOURCE (asm-generic values; the same on x86_64 and arm64 except
// O_DIRECTORY and O_NOFOLLOW, which come from the headers).
enum {
    os_O_PATH = 010000000,
    os_O_TMPFILE = 020000000 | O_DIRECTORY,
    os_AT_EMPTY_PATH = 0x1000,
    os_RENAME_NOREPLACE = 1,
    os_RENAME_EXCHANGE = 2,
    os_SEEK_DATA = 3,
    os_SEEK_HOLE = 4,
    os_SO_PEERCRED = 17,
    os_SO_PEERGROUPS = 59,
    os_SYS_gettid = SYS_gettid,
    os_UTIME_OMIT = UTIME_OMIT,
};

/// openat2(2): every path operation of officeshare goes through this. -1 and errno on failure.
static inline int os_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
    struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
    return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof how);
}

static inline uint64_t os_RESOLVE_BENEATH(void) { return RESOLVE_BENEATH; }
static inline uint64_t os_RESOLVE_NO_MAGICLINKS(void) { return RESOLVE_NO_MAGICLINKS; }
static inline uint64_t os_RESOLVE_NO_SYMLINKS(void) { return RESOLVE_NO_SYMLINKS; }
static inline uint64_t os_RESOLVE_NO_XDEV(void) { return RESOLVE_NO_XDEV; }

/// fallocate(2) with FALLOC_FL_PUNCH_HOLE: the bytes read as zeros and take no room any more.
static inline int os_punch_hole(int fd, int64_t offset, int64_t length) {
    return (int)syscall(SYS_fallocate, fd, 0x02 | 0x01, offset, length);
}

/// renameat2(2), with RENAME_NOREPLACE or RENAME_EXCHANGE.
static inline int os_renameat2(int olddir, const char *old, int newdir, const char *new_, unsigned int flags) {
    return (int)syscall(SYS_renameat2, olddir, old, newdir, new_, flags);
}

/// getdents64(2) into a caller's buffer: the bytes filled, 0 at the end, -1 and errno.
static inline long os_getdents64(int fd, void *buffer, unsigned long size) {
    return syscall(SYS_getdents64, fd, buffer, size);
}

/// accept4(2) with SOCK_CLOEXEC | SOCK_NONBLOCK.
static inline int os_accept(int fd) {
    return (int)syscall(SYS_accept4, fd, (void *)0, (void *)0, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

/// SO_PEERCRED of a connected Unix socket: 0, or -1 and errno.
static inline int os_peercred(int fd, pid_t *pid, uid_t *uid, gid_t *gid) {
    struct { pid_t pid; uid_t uid; gid_t gid; } credentials;
    socklen_t length = sizeof credentials;
    if (getsockopt(fd, SOL_SOCKET, os_SO_PEERCRED, &credentials, &length) != 0) return -1;
    *pid = credentials.pid;
    *uid = credentials.uid;
    *gid = credentials.gid;
    return 0;
}

/// SO_PEERGROUPS: the peer's supplementary groups; their number, or -1 and errno (ERANGE: more than capacity).
static inline int os_peergroups(int fd, gid_t *groups, int capacity) {
    socklen_t length = (socklen_t)(capacity * sizeof(gid_t));
    if (getsockopt(fd, SOL_SOCKET, os_SO_PEERGROUPS, groups, &length) != 0) return -1;
    return (int)(length / sizeof(gid_t));
}

/// ioctl(FICLONE): makes `to` share all of `from`'s extents. 0, or -1 and errno.
static inline int os_ficlone(int to, int from) { return ioctl(to, FICLONE, from); }

/// ioctl(FICLONERANGE): makes a range of `to` share a range of `from`'s extents. 0, or -1 and errno.
static inline int os_ficlonerange(int to, int from, uint64_t offset, uint64_t length, uint64_t at) {
    struct file_clone_range range = {
        .src_fd = from, .src_offset = offset, .src_length = length, .dest_offset = at};
    return ioctl(to, FICLONERANGE, &range);
}

/// open(2) without the variadic mode, which Swift can't pass.
static inline int os_openat(int dirfd, const char *path, int flags, mode_t mode) {
    return openat(dirfd, path, flags, mode);
}

/// pidfd_open(2): a descriptor that becomes readable when the process ends. -1 and errno.
static inline int os_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

/// setns(2) with CLONE_NEWNET: moves the calling thread into a network namespace. 0, or -1 and errno.
static inline int os_setns_net(int fd) { return (int)syscall(SYS_setns, fd, 0x40000000); }

/// adjtimex(2), asked only: 1 where something disciplines the clock, 0 where nothing does, -1 and errno.
static inline int os_clock_is_disciplined(void) {
    struct timex state = {.modes = 0};
    if (adjtimex(&state) < 0) return -1;
    return (state.status & STA_UNSYNC) ? 0 : 1;
}

/// setfsuid(2), setfsgid(2): of the calling thread alone; they answer the id before, and never fail aloud.
static inline int os_setfsuid(uid_t uid) { return setfsuid(uid); }
static inline int os_setfsgid(gid_t gid) { return setfsgid(gid); }

/// getxattr(2), setxattr(2), removexattr(2) and fgetxattr(2).
static inline ssize_t os_getxattr(const char *path, const char *name, void *value, size_t size) {
    return getxattr(path, name, value, size);
}
static inline int os_setxattr(const char *path, const char *name, const void *value, size_t size) {
    return setxattr(path, name, value, size, 0);
}
static inline int os_removexattr(const char *path, const char *name) { return removexattr(path, name); }
static inline int os_fsetxattr(int fd, const char *name, const void *value, size_t size) {
    return fsetxattr(fd, name, value, size, 0);
}
static inline ssize_t os_fgetxattr(int fd, const char *name, void *value, size_t size) {
    return fgetxattr(fd, name, value, size);
}

/// readlinkat(2) into any buffer: the target's length, not NUL-terminated; -1 and errno.
static inline ssize_t os_readlinkat(int dirfd, const char *path, void *buffer, size_t size) {
    return readlinkat(dirfd, path, (char *)buffer, size);
}

/// setgroups(2), setresgid(2) and setresuid(2) as the kernel has them: of the calling thread alone, for good.
/// (glibc's wrappers change all threads.) 0, or -1 and errno.
static inline int os_thread_become(uid_t uid, gid_t gid) {
    if (syscall(SYS_setgroups, 0, (void *)0) != 0) return -1;
    if (syscall(SYS_setresgid, gid, gid, gid) != 0) return -1;
    return (int)syscall(SYS_setresuid, uid, uid, uid);
}

/// The interface index an IPv6 socket address is bound to (sin6_scope_id); 0 of any other.
static inline uint32_t os_scope_id(const struct sockaddr *address, socklen_t length) {
    if (address->sa_family != AF_INET6 || length < sizeof(struct sockaddr_in6)) return 0;
    return ((const struct sockaddr_in6 *)address)->sin6_scope_id;
}

/// mallopt(3): few arenas, and freed memory given back early. A daemon that is mostly at rest should look like it. Not so
/// early that a transfer's buffers, of up to a megabyte and freed at once, are faulted in anew each time.
static inline void os_frugal_malloc(void) {
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_TRIM_THRESHOLD, 16 << 20);
    mallopt(M_MMAP_THRESHOLD, 4 << 20);
}

/// malloc_trim(3): gives what is free back to the system.
static inline void os_trim_memory(void) { malloc_trim(0); }

/// sock_diag(7): the owner of the other end of an accepted TCP connection whose both ends are on this machine (and in
/// this network namespace). 0, or -1 and errno: ENOENT where no process holds that end in an established connection:
/// of a socket that nobody holds any more the kernel may tell root as the owner (in TIME_WAIT always).
static inline int os_tcp_peer_owner(int fd, uid_t *uid) {
    struct sockaddr_storage here, there;
    socklen_t here_length = sizeof here, there_length = sizeof there;
    memset(&here, 0, sizeof here);
    memset(&there, 0, sizeof there);
    if (getsockname(fd, (struct sockaddr *)&here, &here_length) != 0) return -1;
    if (getpeername(fd, (struct sockaddr *)&there, &there_length) != 0) return -1;
    if (here.ss_family != there.ss_family) { errno = EAFNOSUPPORT; return -1; }
    struct { struct nlmsghdr head; struct inet_diag_req_v2 body; } request;
    memset(&request, 0, sizeof request);
    request.head.nlmsg_len = sizeof request;
    request.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request.head.nlmsg_flags = NLM_F_REQUEST;
    request.head.nlmsg_seq = 1;
    request.body.sdiag_family = (uint8_t)there.ss_family;
    request.body.sdiag_protocol = IPPROTO_TCP;
    request.body.idiag_states = ~0u;
    request.body.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
    request.body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    // From the other end: its own port is the source.
    if (there.ss_family == AF_INET) {
        const struct sockaddr_in *from = (const struct sockaddr_in *)&there, *to = (const struct sockaddr_in *)&here;
        request.body.id.idiag_sport = from->sin_port;
        request.body.id.idiag_dport = to->sin_port;
        memcpy(request.body.id.idiag_src, &from->sin_addr, sizeof from->sin_addr);
        memcpy(request.body.id.idiag_dst, &to->sin_addr, sizeof to->sin_addr);
    } else if (there.ss_family == AF_INET6) {
        const struct sockaddr_in6 *from = (const struct sockaddr_in6 *)&there;
        const struct sockaddr_in6 *to = (const struct sockaddr_in6 *)&here;
        request.body.id.idiag_sport = from->sin6_port;
        request.body.id.idiag_dport = to->sin6_port;
        memcpy(request.body.id.idiag_src, &from->sin6_addr, sizeof from->sin6_addr);
        memcpy(request.body.id.idiag_dst, &to->sin6_addr, sizeof to->sin6_addr);
    } else {
        errno = EAFNOSUPPORT;
        return -1;
    }
    int netlink = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (netlink < 0) return -1;
    struct sockaddr_nl kernel;
    memset(&kernel, 0, sizeof kernel);
    kernel.nl_family = AF_NETLINK;
    // The kernel answers before sendto returns; a deadline all the same.
    struct timeval deadline = {.tv_sec = 1, .tv_usec = 0};
    setsockopt(netlink, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
    union { struct nlmsghdr head; char bytes[4096]; } answer;
    memset(&answer, 0, sizeof answer.head);
    ssize_t length = -1;
    if (sendto(netlink, &request, sizeof request, 0, (struct sockaddr *)&kernel, sizeof kernel) == sizeof request)
        length = recv(netlink, &answer, sizeof answer, 0);
    int why = errno;
    close(netlink);
    if (length < 0) { errno = why; return -1; }
    errno = EPROTO;
    if ((size_t)length < sizeof(struct nlmsghdr) || answer.head.nlmsg_len > (size_t)length) return -1;
    if (answer.head.nlmsg_type == NLMSG_ERROR) {
        if (answer.head.nlmsg_len >= NLMSG_LENGTH(sizeof(struct nlmsgerr)))
            errno = -((const struct nlmsgerr *)NLMSG_DATA(&answer.head))->error;
        return -1;
    }
    if (answer.head.nlmsg_type != SOCK_DIAG_BY_FAMILY) return -1;
    if (answer.head.nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg))) return -1;
    const struct inet_diag_msg *found = (const struct inet_diag_msg *)NLMSG_DATA(&answer.head);
    errno = ENOENT;
    // TCP_ESTABLISHED is 1.
    if (found->idiag_state != 1 || found->idiag_inode == 0) return -1;
    if (found->id.idiag_sport != request.body.id.idiag_sport) return -1;
    if (found->id.idiag_dport != request.body.id.idiag_dport) return -1;
    *uid = found->idiag_uid;
    errno = 0;
    return 0;
}

/// A TCP socket that listens on a loopback address, 127.0.0.1 or (`six`) ::1. -1 and errno.
static inline int os_listen_loopback(int six, uint16_t port, int backlog) {
    int fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    int on = 1, failed;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (six) {
        struct sockaddr_in6 address;
        memset(&address, 0, sizeof address);
        address.sin6_family = AF_INET6;
        address.sin6_port = htons(port);
        address.sin6_addr.s6_addr[15] = 1;
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
        failed = bind(fd, (struct sockaddr *)&address, sizeof address);
    } else {
        struct sockaddr_in address;
        memset(&address, 0, sizeof address);
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(0x7F000001);
        failed = bind(fd, (struct sockaddr *)&address, sizeof address);
    }
    if (failed || listen(fd, backlog) != 0) {
        int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

/// The port that a TCP socket is bound to; 0 where it is none.
static inline uint16_t os_bound_port(int fd) {
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    memset(&address, 0, sizeof address);
    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0) return 0;
    if (address.ss_family == AF_INET6) return ntohs(((const struct sockaddr_in6 *)&address)->sin6_port);
    if (address.ss_family == AF_INET) return ntohs(((const struct sockaddr_in *)&address)->sin_port);
    return 0;
}
