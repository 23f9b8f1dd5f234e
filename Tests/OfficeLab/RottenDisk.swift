/// A disk that now and then reads what was never written, for one process: a small library that it is started with,
/// made by the C compiler. The same place read again is right.
package struct RottenDisk: PreloadedFault {
    /// Only files in a folder whose path has this in it.
    package let folder: String
    /// One bit is wrong in every so many bytes read.
    package let bytes: Int
    /// The file in the host to which a line is written for each wrong bit.
    package static let log = "/tmp/rotten.log"

    package init(folder: String, every bytes: Int) {
        self.folder = folder
        self.bytes = bytes
    }

    static let name = "rottendisk"
    var environment: [String: String] {
        ["ROTTEN_IN": folder, "ROTTEN_EVERY": String(bytes), "ROTTEN_LOG": Self.log]
    }

    static let source = #"""
        #define _GNU_SOURCE
        #include <fcntl.h>
        #include <stdatomic.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/syscall.h>
        #include <unistd.h>

        static const char *folder;
        static long every;
        static int logged = -1;
        static atomic_long passed;

        __attribute__((constructor)) static void start(void) {
            const char *text = getenv("ROTTEN_EVERY");
            const char *log = getenv("ROTTEN_LOG");
            every = text ? atol(text) : 0;
            folder = getenv("ROTTEN_IN");
            if (folder && log) logged = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
        }

        static int concerns(int file) {
            char link[64], path[4096];
            if (!folder || every <= 0) return 0;
            snprintf(link, sizeof link, "/proc/self/fd/%d", file);
            ssize_t length = readlink(link, path, sizeof path - 1);
            if (length < 0) return 0;
            path[length] = 0;
            return strstr(path, folder) != NULL;
        }

        ssize_t pread(int file, void *into, size_t count, off_t offset) {
            ssize_t result = syscall(SYS_pread64, file, into, count, offset);
            if (result <= 0 || !concerns(file)) return result;
            long before = atomic_fetch_add(&passed, result);
            if (before / every != (before + result) / every) {
                ((unsigned char *)into)[result / 2] ^= 0x10;
                if (logged >= 0) dprintf(logged, "%d %ld\n", file, (long)offset);
            }
            return result;
        }

        ssize_t pread64(int file, void *into, size_t count, off_t offset) { return pread(file, into, count, offset); }
        """#
}
