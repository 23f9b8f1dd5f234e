/// Leads the connections that one process makes to a host's officeshared to a port of its own host, where a proxy is.
///
/// Not by the packet filter: its connection tracking takes a proxy's resets for a stranger's now and then, and drops
/// them. No IPv6 goes round it.
struct Detour: PreloadedFault {
    let address: String
    let port: UInt16

    static let name = "detour"
    var environment: [String: String] { ["DETOUR_FROM": address, "DETOUR_TO": String(port)] }

    static let source = #"""
        #define _GNU_SOURCE
        #include <arpa/inet.h>
        #include <errno.h>
        #include <netinet/in.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/socket.h>
        #include <sys/syscall.h>
        #include <unistd.h>

        int connect(int socket, const struct sockaddr *to, socklen_t length) {
            const char *from = getenv("DETOUR_FROM"), *port = getenv("DETOUR_TO");
            struct in_addr address;
            if (from && port && to->sa_family == AF_INET6 && ((struct sockaddr_in6 *)to)->sin6_port == htons(8747)) {
                errno = ECONNREFUSED;
                return -1;
            }
            if (from && port && to->sa_family == AF_INET && inet_pton(AF_INET, from, &address) == 1) {
                struct sockaddr_in other = *(const struct sockaddr_in *)to;
                if (other.sin_addr.s_addr == address.s_addr && other.sin_port == htons(8747)) {
                    other.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
                    other.sin_port = htons(atoi(port));
                    return syscall(SYS_connect, socket, &other, sizeof other);
                }
            }
            return syscall(SYS_connect, socket, to, length);
        }
        """#
}
