import OfficeCore
import OfficeLab
import Testing

struct Printer: Decodable {
    let path: String, node: String, queue: String, info: String?, model: String?, location: String?, state: String
    let accepting: Bool, reasons: [String], jobs: Int, color: Bool, duplex: Bool, media: [String], shared: Bool
    let local: Bool
}

struct PrintedJob: Decodable { let id: String, path: String, title: String }

struct Printed: Decodable { let jobs: [PrintedJob] }

struct PrintJob: Decodable, Equatable {
    let id: String, path: String, title: String, user: String, pages: Int?, size: Int, state: String
    let reasons: [String], submitted: String, completed: String?
}

extension LabHost {
    func printers(as user: String? = nil) async throws -> [Printer] { try await ask("printers", as: user) }

    /// All jobs that the user sees, ended ones too.
    func jobs(as user: String? = nil) async throws -> [PrintJob] { try await ask("jobs", "--all", as: user) }

    func job(_ id: String, as user: String? = nil) async throws -> PrintJob? {
        try await jobs(as: user).first { $0.id == id }
    }

    /// Prints a file; returns the job's id.
    func print(_ file: String, _ options: String..., as user: String? = nil) async throws -> String {
        let printed = try await officeshare(["print", file, "--json"] + options, as: user).json(Printed.self)
        return try #require(printed.jobs.first).id
    }

    /// Waits until a job is in one of these states, as this host sees it.
    func eventuallyJob(
        _ id: String, is states: String..., as user: String? = nil, within seconds: Double = 20
    ) async throws {
        try await eventually("job \(id.prefix(8)) is \(states) on \(name)", within: promised(seconds)) {
            let job = try await job(id, as: user)
            guard let job, states.contains(job.state) else {
                throw OfficeError(.temporary, "it", "it is \(job?.state ?? "not there"): \(job?.reasons ?? [])")
            }
            return true
        }
    }

    /// A document of so many bytes that can't be taken for another: text with a first line of its own.
    func writeDocument(_ path: String, _ line: String, bytes: Int = 1_000, owner: String? = nil) throws {
        var text = line + "\n"
        let filler = String(repeating: "x", count: 70) + "\n"
        while text.utf8.count < bytes { text += filler }
        try write(text, to: path, owner: owner)
    }
}

/// Raises these hosts, each with a cupsd, as one office; the first one shares its printer `laser` with all.
func withPrintingOffice(_ names: String..., body: (Lab) async throws -> Void) async throws {
    let plans = names.map { HostPlan($0, cups: true) }
    try await Lab.with(plans, failed: { Verdict.current?.failed ?? false }) { lab in
        try await lab.foundOffice()
        try await lab.hosts[0].addPrinter("laser")
        try await lab.hosts[0].must("printer", "share", "laser")
        for host in lab.hosts.dropFirst() {
            try await eventually("\(host.name) has the printer", within: promised(5)) {
                try await host.printers().contains { $0.path == "\(lab.hosts[0].name)/laser" }
            }
        }
        try await body(lab)
    }
}
