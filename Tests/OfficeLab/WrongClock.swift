internal import Foundation
internal import OfficeCore

/// A wrong wall clock for one process: a small library that it is started with, made by the C compiler.
///
/// Debian's libfaketime isn't used: it also takes timerfd_settime(2) into its hands, so that no timer of libdispatch,
/// and no sleep of Swift's, ever ends (seen with 0.9.10). Here only the wall clock is off, and what is told it as a
/// deadline; the monotonic clocks and the timers on them stay as they are, as they do on a machine whose clock was set
/// wrong.
enum WrongClock {
    /// The library's environment for a clock that is off by `offset`.
    static func environment(_ offset: Duration, library: String) -> [String: String] {
        ["LD_PRELOAD": library, "WRONG_CLOCK": String(offset.components.seconds)]
    }

    /// Makes the library, at `path`.
    static func make(at path: String) async throws {
        let text = "\(path).c"
        try Data(source.utf8).write(to: URL(fileURLWithPath: text))
        try await Command.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", path, text]).checked()
    }

    private static let source = #"""
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <pthread.h>
        #include <semaphore.h>
        #include <stdlib.h>
        #include <sys/syscall.h>
        #include <sys/time.h>
        #include <sys/timerfd.h>
        #include <time.h>
        #include <unistd.h>

        static long offset;

        __attribute__((constructor)) static void start(void) {
            const char *text = getenv("WRONG_CLOCK");
            offset = text ? atol(text) : 0;
        }

        int clock_gettime(clockid_t clock, struct timespec *now) {
            int result = syscall(SYS_clock_gettime, clock, now);
            if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += offset;
            return result;
        }

        time_t time(time_t *into) {
            struct timespec now;
            clock_gettime(CLOCK_REALTIME, &now);
            if (into) *into = now.tv_sec;
            return now.tv_sec;
        }

        int gettimeofday(struct timeval *restrict into, void *restrict zone) {
            struct timespec now;
            clock_gettime(CLOCK_REALTIME, &now);
            into->tv_sec = now.tv_sec;
            into->tv_usec = now.tv_nsec / 1000;
            return 0;
        }

        int timespec_get(struct timespec *into, int base) {
            if (base != TIME_UTC) return 0;
            clock_gettime(CLOCK_REALTIME, into);
            return base;
        }

        /* A deadline as the kernel has it. One by a monotonic clock counts from the machine's start: it is far smaller
           than any by the wall clock. */
        static struct timespec real(const struct timespec *deadline) {
            struct timespec result = *deadline;
            if (result.tv_sec > 1000000000) result.tv_sec -= offset;
            return result;
        }

        static void *next(const char *name) {
            void *found = dlvsym(RTLD_NEXT, name, "GLIBC_2.3.2");
            return found ? found : dlsym(RTLD_NEXT, name);
        }

        int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *deadline) {
            static int (*wait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
            if (!wait) wait = next("pthread_cond_timedwait");
            struct timespec until = real(deadline);
            return wait(cond, mutex, &until);
        }

        int sem_timedwait(sem_t *semaphore, const struct timespec *deadline) {
            static int (*wait)(sem_t *, const struct timespec *);
            if (!wait) wait = dlsym(RTLD_NEXT, "sem_timedwait");
            struct timespec until = real(deadline);
            return wait(semaphore, &until);
        }

        int timerfd_settime(int timer, int flags, const struct itimerspec *new, struct itimerspec *old) {
            struct itimerspec set = *new;
            if (flags & TFD_TIMER_ABSTIME) set.it_value = real(&set.it_value);
            return syscall(SYS_timerfd_settime, timer, flags, &set, old);
        }
        """#
}
