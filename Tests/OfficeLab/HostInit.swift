/// What runs as process 1 of a host: it lays out the host's file systems and then waits for the lab's end.
///
/// Its standard input is a pipe that only the lab's process holds open: when that process ends, however it
/// ends, process 1 reads end-of-file and exits, the kernel kills every process of the PID namespace, and
/// with the last of them the mounts, the interfaces and the network namespace go. Nothing has a name in
/// /run/netns and nothing is mounted outside, so nothing can be left behind.
enum HostInit {
    /// unshare's arguments: what is the host's own.
    static let unshare = [
        "unshare", "--mount", "--uts", "--ipc", "--net", "--pid", "--fork", "--kill-child=SIGKILL",
        "--mount-proc", "--propagation", "private", "--",
    ]

    /// What the script needs to know, as environment variables.
    static func environment(_ plan: HostPlan, directory: String, binaries: [String]) -> [String: String] {
        var environment = Command.environment
        environment["LAB_HOSTNAME"] = plan.hostName
        environment["LAB_PRIVATE"] = directory
        environment["LAB_STORAGE"] = plan.storage == .memory ? "memory" : "disk"
        environment["LAB_IMAGES"] = MachineImage.cache
        environment["LAB_BINARIES"] = binaries.joined(separator: "\n")
        return environment
    }

    static let script = #"""
        set -eu
        private=$LAB_PRIVATE
        [ "$LAB_STORAGE" = disk ] || mount -t tmpfs -o mode=755,size=90% officelab "$private"
        mkdir -p "$private"/{bin,images,home,srv,tmp,cgroup}
        chmod 1777 "$private/tmp"

        # The programs under test, bound before the trees they may lie in are covered.
        while IFS= read -r program; do
            [ -n "$program" ] || continue
            touch "$private/bin/${program##*/}"
            mount --bind "$program" "$private/bin/${program##*/}"
        done <<<"$LAB_BINARIES"

        # The trees that machines boot from: an overlay over the overlay of /var would be one too many.
        if [ -d "$LAB_IMAGES" ]; then mount --bind "$LAB_IMAGES" "$private/images"; fi

        # This machine's /etc, /root and /var to begin with; what the host changes stays its own. /var comes
        # last of all mounts, for $private lies in it.
        cover() {
            mkdir -p "$private/$1"/{upper,work}
            mount -t overlay officelab "/$1" -o "lowerdir=/$1,upperdir=$private/$1/upper,workdir=$private/$1/work"
        }
        cover etc
        cover root
        mount --bind "$private/home" /home
        mount --bind "$private/srv" /srv

        # The host's own view of interfaces; control groups stay, for a machine booted in here.
        if [ -d /sys/fs/cgroup ]; then
            mount --rbind /sys/fs/cgroup "$private/cgroup"
            mount -t sysfs sysfs /sys
            mount --rbind "$private/cgroup" /sys/fs/cgroup
        else
            mount -t sysfs sysfs /sys
        fi

        mount -t tmpfs -o mode=755 officelab /run
        mkdir -p /run/officelab/{bin,images} /run/lock /run/dbus /run/avahi-daemon /run/cups
        mount --rbind "$private/bin" /run/officelab/bin
        mount --rbind "$private/images" /run/officelab/images
        mount --bind "$private/tmp" /tmp
        mount -t tmpfs -o mode=1777 officelab /dev/shm
        cover var

        # A fresh machine: own name, own machine id, none of this machine's offices or printers.
        hostname "$LAB_HOSTNAME"
        echo "$LAB_HOSTNAME" >/etc/hostname
        printf '127.0.0.1 localhost\n127.0.1.1 %s\n::1 localhost ip6-localhost\n' "$LAB_HOSTNAME" >/etc/hosts
        : >/etc/resolv.conf
        tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id
        rm -rf /etc/officeshare /var/lib/officeshare /etc/cups/printers.conf /etc/cups/ppd /var/lib/dbus/machine-id
        id officeshare >/dev/null 2>&1 ||
            useradd --system --user-group --home-dir /var/lib/officeshare --shell /usr/sbin/nologin officeshare
        # As the package's sysusers do: it makes queues in this host's CUPS.
        if getent group lpadmin >/dev/null; then usermod --append --groups lpadmin officeshare; fi
        for user in alice bob; do
            id $user >/dev/null 2>&1 || useradd --user-group --no-create-home --shell /bin/bash $user
            install -d -m 755 -o $user -g $user /home/$user
        done
        if id avahi >/dev/null 2>&1; then chown avahi:avahi /run/avahi-daemon; fi
        install -d -m 755 -o officeshare -g officeshare /run/officeshare
        install -d -m 700 -o officeshare -g officeshare /var/lib/officeshare
        if getent group lp >/dev/null; then install -d -m 2770 -o officeshare -g lp /run/officeshare-permits; fi

        # Addresses of IPv6 at once: no waiting for duplicate address detection on a LAN of our own.
        echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad
        echo 0 >/proc/sys/net/ipv6/conf/all/accept_dad
        ip link set lo up
        echo ready
        while read -r _; do :; done
        """#
}
