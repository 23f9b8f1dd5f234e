internal import Foundation
internal import OfficeCore
internal import OfficeLab

/// sshd on one host with a key that alice on another has: for rsync and scp.
struct SSHService {
    private let server: HostProcess

    /// What rsync and scp need to reach it.
    static let command = "ssh -i /home/alice/.ssh/bench -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -q"

    static func start(on server: LabHost, client: LabHost) async throws -> SSHService {
        try await client.shell("mkdir -m 700 -p .ssh && ssh-keygen -q -t ed25519 -N '' -f .ssh/bench", as: "alice")
            .checked()
        try server.write(try client.read("/home/alice/.ssh/bench.pub"), to: "/etc/ssh/bench_keys")
        try server.write(
            """
            HostKey /etc/ssh/bench_host
            AuthorizedKeysFile /etc/ssh/bench_keys
            PidFile none
            UsePAM no
            Subsystem sftp internal-sftp

            """, to: "/etc/ssh/bench_config")
        let script = """
            set -e
            mkdir -p /run/sshd
            ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/bench_host
            usermod -p '*' alice
            """
        try await server.shell(script).checked()
        let process = try server.start(["/usr/sbin/sshd", "-D", "-e", "-f", "/etc/ssh/bench_config"], log: "sshd")
        let trial = command.split(separator: " ").map(String.init) + ["alice@\(server.address)", "true"]
        try await eventually("sshd serves") { try await client.run(trial, as: "alice").status == 0 }
        return SSHService(server: process)
    }
}

/// nginx on one host, with a certificate of its own: for curl, which verifies nothing; if it is to take files, too, by
/// WebDAV.
struct NginxService {
    private let server: HostProcess

    private static let dav = """
        location / {
            dav_methods PUT DELETE MKCOL COPY MOVE;
            dav_ext_methods PROPFIND OPTIONS;
            create_full_put_path on;
        }
        """

    static func start(
        on server: LabHost, client: LabHost, root: String, takesFiles: Bool = false
    ) async throws -> NginxService {
        try server.write(
            """
            \(takesFiles ? "load_module /usr/lib/nginx/modules/ngx_http_dav_ext_module.so;" : "")
            user alice;
            worker_processes auto;
            error_log stderr;
            pid /run/nginx.pid;
            daemon off;
            events { worker_connections 256; }
            http {
                access_log off;
                sendfile on;
                server {
                    listen 8443 ssl;
                    ssl_protocols TLSv1.3;
                    ssl_certificate /etc/nginx/bench.crt;
                    ssl_certificate_key /etc/nginx/bench.key;
                    root \(root);
                    \(takesFiles ? dav : "")
                }
            }

            """, to: "/etc/nginx/bench.conf")
        try await server.run([
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "9",
            "-subj", "/CN=bench", "-keyout", "/etc/nginx/bench.key", "-out", "/etc/nginx/bench.crt",
        ]).checked()
        try await server.run(["mkdir", "-p", "/var/lib/nginx", "/var/log/nginx"]).checked()
        let process = try server.start(["nginx", "-c", "/etc/nginx/bench.conf"], log: "nginx")
        try await eventually("nginx serves") {
            try await client.run(["curl", "-sk", "-o", "/dev/null", "https://\(server.address):8443/"]).status == 0
        }
        return NginxService(server: process)
    }
}
