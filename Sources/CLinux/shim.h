// What only Linux has, in the form Swift can call: inline wrappers over system calls and the
// structures that glibc hides behind _GNU_SOURCE. No logic lives here.
#pragma once

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <linux/rtnetlink.h>
#include <malloc.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
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

/// mallopt(3): few arenas, and freed memory given back early. A daemon that is mostly at rest should look like it.
static inline void os_frugal_malloc(void) {
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_TRIM_THRESHOLD, 1 << 20);
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
}

/// malloc_trim(3): gives what is free back to the system.
static inline void os_trim_memory(void) { malloc_trim(0); }
