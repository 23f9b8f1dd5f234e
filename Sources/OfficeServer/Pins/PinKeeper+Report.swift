import OfficeControl
import OfficeCore
import OfficeTrust

// What people are told of pins.

extension PinKeeper {
    func models(for caller: LocalCaller) async -> [PinModel] {
        var models: [PinModel] = []
        for pin in pins.values where caller.manages || caller.userID == pin.userID || isReadable(pin, by: caller) {
            models.append(await model(pin))
        }
        return models.sorted { $0.path < $1.path }
    }

    private func isReadable(_ pin: PinRecord, by caller: LocalCaller) -> Bool {
        guard let user = try? UserName(caller.userName) else { return false }
        return access(pin)?.allows(Principal(node: office.identity.id, user: user)) == true
    }

    func model(_ pin: PinRecord) async -> PinModel {
        PinModel(
            path: "\(await office.name(of: pin.key.owner))/\(pin.key.share)", files: pin.files, bytes: pin.bytes,
            complete: pin.isComplete, asOf: pin.asOf, problem: failures[pin.key]?.why, kept: pin.isKept)
    }

    func problems() async -> [StatusModel.Problem] {
        var problems: [StatusModel.Problem] = []
        for (key, error) in failures {
            problems.append(
                .init(
                    what: "pin of \(await office.name(of: key.owner))/\(key.share)", why: error.why,
                    mend: error.mend ?? "It is tried again by itself."))
        }
        return problems
    }
}
