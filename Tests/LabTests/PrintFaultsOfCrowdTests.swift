import Foundation
import OfficeLab
import Testing

/// Many who print at once.
@Suite(.serialized, .lab, .timeLimit(.minutes(4)))
struct PrintFaultsOfCrowdTests {
    /// 500 jobs from five nodes, pc1 with the printers among them, onto two queues.
    @Test func everyDocumentOfACrowdComesOutOnce() async throws {
        let names = (1...5).map { "pc\($0)" }
        let (each, queues) = (100, ["left", "right"])
        try await Lab.with(
            names.map { HostPlan($0, cups: true) }, failed: { Verdict.current?.failed ?? false }
        ) { lab in
            try await lab.foundOffice()
            let owner = lab["pc1"]
            for queue in queues {
                try await owner.addPrinter(queue, isRaw: true)
                try await owner.must("printer", "share", queue)
            }
            for host in lab.hosts {
                try await eventually("\(host.name) has both", within: promised(10)) {
                    try await host.printers().count == queues.count
                }
            }
            try await withThrowingTaskGroup { group in
                for host in lab.hosts {
                    for (place, queue) in queues.enumerated() {
                        let numbers = stride(from: place, to: each, by: queues.count)
                        let files = numbers.map { "/home/alice/\(host.name)-\($0)" }
                        group.addTask {
                            for file in files { try host.writeDocument(file, file, owner: "alice") }
                            let printed = try await host.officeshare(
                                ["print"] + files + ["--to", "pc1/\(queue)", "--json"], as: "alice",
                                timeout: .seconds(120)
                            ).json(Printed.self)
                            #expect(printed.jobs.count == files.count)
                        }
                    }
                }
                try await group.waitForAll()
            }
            let boxes = try queues.map { try owner.box($0) }
            let began = ContinuousClock.now
            try await eventually("all came out", within: promised(180), every: .milliseconds(200)) {
                boxes.reduce(0) { $0 + $1.printed.count } >= names.count * each
            }
            print("the rest came out in \(ContinuousClock.now - began)")
            try await expectAll(lab, boxes, each: each)
        }
    }

    private func expectAll(_ lab: Lab, _ boxes: [Box], each: Int) async throws {
        for (place, box) in boxes.enumerated() {
            #expect(box.printed.count == lab.hosts.count * each / boxes.count)
            #expect(Set(box.titles).count == box.titles.count)
            // From one sender, in the order it was asked for.
            for host in lab.hosts {
                let own = box.titles.filter { $0.hasPrefix("\(host.name)-") }
                let numbers = stride(from: place, to: each, by: boxes.count)
                #expect(own == numbers.map { "\(host.name)-\($0)" })
            }
        }
        // Who may use a queue sees all of its jobs, whosever they are.
        for host in lab.hosts {
            try await eventually("\(host.name) sees all completed", within: promised(20), every: .milliseconds(200)) {
                let jobs = try await host.jobs(as: "alice")
                return jobs.count == lab.hosts.count * each && jobs.allSatisfy { $0.state == "completed" }
            }
        }
    }
}
