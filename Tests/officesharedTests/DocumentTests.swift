import Configuration
import Foundation
import OfficeConfiguration
import Testing

/// The default file and the manual page are what the table says. `RECORD=1` in the environment writes them anew.
@Suite("What the table of keys is written out as")
struct DocumentTests {
    @Test(
        "is what the repository has",
        arguments: [("etc/officeshare.yaml", DefaultFile.text()), ("docs/man/officeshare.yaml.5", ManualPage.text())])
    func same(_ path: String, _ text: String) throws {
        let file = repository.appending(path: path)
        if ProcessInfo.processInfo.environment["RECORD"] == "1" { try Data(text.utf8).write(to: file) }
        #expect(try String(contentsOf: file, encoding: .utf8) == text, "run the tests once with RECORD=1")
    }

    @Test("the default file, as it is and with everything uncommented, is the defaults")
    func uncommented() async throws {
        let text = DefaultFile.text()
        #expect(try await reading(text).settings == Settings())
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.allSatisfy { $0.isEmpty || $0.hasPrefix("#") })
        #expect(lines.allSatisfy { $0.count <= 104 })
        let all = lines.map { $0.hasPrefix("#") ? $0.dropFirst() : $0 }.joined(separator: "\n")
        let everything = try await reading(all)
        #expect(everything.problems == [])
        #expect(everything.settings == Settings())
        for key in ConfigurationKey.all {
            #expect(
                lines.contains { $0.drop { "# ".contains($0) }.hasPrefix("\(key.path.last ?? ""):") }, "\(key.name)")
        }
    }

    @Test("the environment's names are those that swift-configuration looks for")
    func environmentNames() throws {
        let provider = EnvironmentVariablesProvider(environmentVariables: [:])
        for key in ConfigurationKey.all {
            let asked = try provider.value(forKey: AbsoluteConfigKey(["officeshare"] + key.path), type: .string)
            #expect(asked.encodedKey == key.environmentName)
        }
    }

    @Test("the Makefile hands no program a variable that a daemon would take for a setting of its own")
    func makefile() throws {
        let lines = try String(contentsOf: repository.appending(path: "Makefile"), encoding: .utf8).split(
            separator: "\n")
        let exported = lines.filter { $0.hasPrefix("export ") }
        #expect(!exported.isEmpty)
        #expect(exported.allSatisfy { !$0.hasPrefix("export OFFICESHARE_") }, "\(exported)")
    }

    @Test("names, texts and sections of the table are whole")
    func table() {
        #expect(Set(ConfigurationKey.all.map(\.name)).count == ConfigurationKey.all.count)
        for key in ConfigurationKey.all {
            #expect(key.summary.hasSuffix("."))
            #expect(key.path.count == 1 || ConfigurationKey.sections.map(\.name).contains(key.path[0]))
        }
    }
}
