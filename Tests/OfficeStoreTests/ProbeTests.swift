import Foundation
import OfficeCore
import OfficeTrust
import Synchronization
import Testing

@testable import OfficeStore

/// The probe passes what is right, and refuses each thing that isn't.
struct ProbeTests {
    /// What is wrong with what the second node sees.
    enum Fault: String, CaseIterable, Sendable {
        case anotherStore, staleOpenFile, staleSize, staleName, missedFile, staleList, ghost, twoMayMake, twoMayLink
        case lockOfOneMachine, lockThatStays
    }

    /// Answers of one node's hand, made wrong.
    private func wrong(_ fault: Fault, _ hand: @escaping ProbePlan.Hand) -> ProbePlan.Hand {
        let last = Mutex<[String: ProbeAnswer]>([:])
        return { step in
            var answer = try await hand(step)
            switch (fault, step) {
            case (.anotherStore, .read("same")): answer.text = nil
            case (.staleOpenFile, .readHeld): answer.text = "begin"
            case (.staleSize, .readHeld): answer.size = 5
            case (.staleName, .read("text")):
                answer = last.withLock { last in
                    defer { last["text"] = last["text"] ?? answer }
                    return last["text"] ?? answer
                }
            case (.missedFile, .read(let name)) where name.hasPrefix("new"): answer.text = nil
            case (.staleList, .names): answer.names = answer.names?.filter { !$0.hasPrefix("new") }
            case (.ghost, .read(let name)) where name.hasPrefix("new"):
                answer = last.withLock { last in
                    if answer.text != nil { last[name] = answer }
                    return last[name] ?? answer
                }
            case (.twoMayMake, .create), (.twoMayLink, .link), (.lockOfOneMachine, .lock): answer.done = true
            case (.lockThatStays, .lock): answer.done = false
            default: break
            }
            return answer
        }
    }

    private func hands(_ home: TestStore) throws -> (ProbePlan.Hand, ProbePlan.Hand) {
        let path = Array(home.directory.utf8)
        let (one, two) = (try StoreProbe(at: path, token: "ab"), try StoreProbe(at: path, token: "ab"))
        return ({ try one.perform($0) }, { try two.perform($0) })
    }

    @Test func aFileSystemThatShowsWhatIsPasses() async throws {
        let home = try TestStore()
        let (first, second) = try hands(home)
        let report = try await ProbePlan(first: first, second: second, what: "store").run()
        #expect(report.keepsNanoseconds && report.fileSystem != nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: home.directory + "/probe").isEmpty)
    }

    @Test(arguments: Fault.allCases)
    func whateverIsWrongIsRefused(_ fault: Fault) async throws {
        let home = try TestStore()
        let (first, second) = try hands(home)
        let error = await #expect(throws: OfficeError.self) {
            try await ProbePlan(first: first, second: wrong(fault, second), what: "store").run()
        }
        #expect(error?.mend?.isEmpty == false)
        #expect((error == ProbePlan.another("store")) == (fault == .anotherStore))
        #expect(try FileManager.default.contentsOfDirectory(atPath: home.directory + "/probe").isEmpty)
    }
}
