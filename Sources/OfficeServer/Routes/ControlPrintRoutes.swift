import Hummingbird
import NIOCore
import OfficeConfiguration
import OfficeControl
import OfficeCore
import OfficePrinting
import OfficeTrust

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Printing, as programs of this machine ask for it.
struct ControlPrintRoutes: Sendable {
    let house: PrintHouse
    let live: LiveSettings

    func add(to router: Router<LocalContext>) {
        addPrinters(to: router)
        addJobs(to: router)
    }

    private func addPrinters(to router: Router<LocalContext>) {
        router.get("/v1/printers") { _, context -> Response in try .json(await printers(for: context.caller)) }
        router.post("/v1/printers/:queue/share") { request, context -> Response in
            try Self.manages(context)
            let wish = try await request.decoded(as: PrinterShareRequest.self, limit: live.limits.bodyBytes)
            let name = try context.parameters.label("queue")
            let access = try AccessList(parsing: wish.allow, in: await house.office.state)
            _ = try await house.keeper.share(name, access: access)
            return try .json(try await printer(name, for: context.caller))
        }
        router.delete("/v1/printers/:queue/share") { _, context -> Response in
            try Self.manages(context)
            let name = try context.parameters.label("queue")
            try await house.keeper.unshare(name)
            return .nothing
        }
        router.put("/v1/printers/default") { request, context -> Response in
            let wish = try await request.decoded(as: PrinterDefaultModel.self, limit: live.limits.bodyBytes)
            let queue = try await house.queue(wish.path, for: context.caller)
            try await house.store.setDefaultQueue(
                of: context.caller.userID, node: queue.owner, queue: queue.description.name)
            return try .json(PrinterDefaultModel(path: queue.path))
        }
    }

    private func addJobs(to router: Router<LocalContext>) {
        router.post("/v1/jobs") { request, context -> Response in
            let wish = try await request.decoded(as: PrintRequest.self, limit: live.limits.bodyBytes)
            let queue = try await house.queue(wish.to, for: context.caller)
            let attributes = try wish.options.map { try JobAttributes.parse(option: $0) }
            let format = DocumentFormat.of([UInt8](Data(base64Encoded: wish.head) ?? Data()))
            let ticket = try await house.open(
                queue, title: wish.title, user: try UserName(context.caller.userName), attributes: attributes,
                format: format, isHeld: wish.hold)
            return try .json(PrintedModel(id: ticket.id.description, path: queue.path, title: ticket.title))
        }
        router.put("/v1/jobs/:job/document") { request, context -> Response in
            let job = try context.parameters.job()
            try await checkOpened(job, by: context.caller)
            do {
                try await house.submitted.receive(request.body, format: nil, for: job)
                _ = try await house.submitted.accept(job)
            } catch {
                await house.submitted.abandon(job)
                throw error
            }
            return .nothing
        }
        router.get("/v1/jobs") { _, context -> Response in
            try .json(await models(await house.jobs(for: context.caller)))
        }
        router.get("/v1/jobs/:job") { _, context -> Response in
            try .json(await model(try await house.job(context.parameters.get("job") ?? "", for: context.caller)))
        }
        router.get("/v1/jobs/:job/events") { _, context -> Response in
            follow(try await house.job(context.parameters.get("job") ?? "", for: context.caller), for: context.caller)
        }
        router.post("/v1/jobs/:job/changes") { request, context -> Response in
            let wish = try await request.decoded(as: JobChangeRequest.self, limit: live.limits.bodyBytes)
            let job = try await house.job(context.parameters.get("job") ?? "", for: context.caller)
            try await change(job, wish, by: context.caller)
            return try .json(await model(try await house.job(job.id.description, for: context.caller)))
        }
    }

    private func checkOpened(_ job: JobID, by caller: LocalCaller) async throws {
        guard let ticket = await house.submitted.opened(job), ticket.user.description == caller.userName else {
            throw ReceivedJobs.unknown(job)
        }
    }

    private func change(_ job: JobReport, _ wish: JobChangeRequest, by caller: LocalCaller) async throws {
        if wish.change == "move" {
            guard let target = wish.to else { throw OfficeError(.usage, "move", "it needs a printer to move to") }
            _ = try await house.move(job, to: target, by: caller)
        } else if let change = JobChange(rawValue: wish.change) {
            try await house.change(job, change, by: caller)
        } else {
            throw OfficeError(.usage, wish.change.escapedForTerminal, "a job can't be changed so")
        }
    }

    /// A job's reports as they come, one JSON object a line, to its end.
    private func follow(_ job: JobReport, for caller: LocalCaller) -> Response {
        let bell = house.jobsChanged.listen()
        return .streaming("application/x-ndjson") { write in
            var last: JobReport?
            func tell() async throws -> Bool {
                let now = try await house.job(job.id.description, for: caller)
                guard now != last else { return now.isSettled }
                last = now
                var line = ByteBuffer(bytes: try JSONEncoder().encode(await model(now)))
                line.writeString("\n")
                try await write(line)
                return now.isSettled
            }
            if try await tell() { return }
            for await _ in bell {
                if try await tell() { return }
            }
        }
    }

    // MARK: Models

    private func printers(for caller: LocalCaller) async throws -> [PrinterModel] {
        let chosen = try await house.store.defaultQueue(of: caller.userID)
        let state = await house.office.state
        var models: [PrinterModel] = []
        for queue in await house.queues(for: caller.userName) {
            let access = queue.isLocal ? await house.keeper.access(to: queue.description.name) : nil
            models.append(
                Self.model(
                    queue, isDefault: chosen?.node == queue.owner && chosen?.queue == queue.description.name,
                    localQueue: queue.isLocal ? queue.description.name.description : await localName(of: queue),
                    allow: access?.displayed(in: state)))
        }
        return models
    }

    private func localName(of queue: PrintHouse.Found) async -> String? {
        let name = LocalQueueName.of(owner: queue.ownerName, queue: queue.description.name)
        return await house.keeper.madeHere.contains(name) ? name.description : nil
    }

    private func printer(_ name: Label, for caller: LocalCaller) async throws -> PrinterModel {
        let node = await house.office.ownName.description
        guard
            let found = try await printers(for: caller).first(where: { $0.node == node && $0.queue == name.description }
            )
        else { throw QueueKeeper.unknown(name.description) }
        return found
    }

    private static func model(_ queue: PrintHouse.Found, isDefault: Bool, localQueue: String?, allow: [String]?)
        -> PrinterModel
    {
        let description = queue.description
        return PrinterModel(
            path: queue.path, node: queue.ownerName.description, queue: description.name.description,
            info: description.info, model: description.model, location: description.location,
            state: queue.isOnline ? description.state.rawValue : "offline", accepting: description.accepting,
            reasons: queue.isOnline ? description.reasons : ["node-offline"], jobs: description.jobs,
            color: description.color, duplex: description.duplex, media: description.media,
            mediaDefault: description.mediaDefault, shared: queue.isShared, local: queue.isLocal,
            isDefault: isDefault, localQueue: localQueue, allow: allow)
    }

    private func models(_ reports: [JobReport]) async -> [JobModel] {
        var models: [JobModel] = []
        for report in reports { models.append(await model(report)) }
        return models
    }

    private func model(_ report: JobReport) async -> JobModel {
        JobModel(
            id: report.id.description, path: "\(await house.office.name(of: report.owner))/\(report.queue)",
            title: report.title, user: "\(report.user)@\(await house.office.name(of: report.node))",
            pages: report.pages, size: report.size, state: report.state.rawValue, reasons: report.reasons,
            submitted: report.submitted, completed: report.completed)
    }

    private static func manages(_ context: LocalContext) throws {
        guard context.caller.manages else {
            throw OfficeError(
                .notAllowed, "this node's printers", "only its managers may share them",
                mend: "Run it as root, or as a member of group \(LocalCaller.managingGroup).")
        }
    }
}
