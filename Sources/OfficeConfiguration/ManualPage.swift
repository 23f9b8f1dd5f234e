/// `officeshare.yaml(5)` in mdoc(7), made from the table.
package enum ManualPage {
    package static func text() -> String {
        let top = keys { $0.path.count == 1 }
        let sections = ConfigurationKey.sections.map { section in
            ".Ss The section \(section.name)\n" + sentences(section.summary)
                + keys { $0.path.first == section.name && $0.path.count == 2 }
        }
        return [head, ".Ss Keys without a section\n" + top, sections.joined(), tail].joined()
    }

    private static func keys(_ isWanted: (ConfigurationKey) -> Bool) -> String {
        let entries = ConfigurationKey.all.filter(isWanted).map(entry).joined()
        return ".Bl -tag -width Ds\n\(entries).El\n"
    }

    private static func entry(_ key: ConfigurationKey) -> String {
        let applied = key.live ? "A reload applies it." : "A restart applies it."
        let text = "\(key.summary) Give \(key.allowed). Default: \(defaultValue(key)). \(applied)"
        return ".It Cm \(key.path.last ?? "")\n" + sentences(text)
    }

    private static func defaultValue(_ key: ConfigurationKey) -> String {
        switch key.value(in: Settings()) {
        case .one(""): "none"
        case .many([]): "an empty list"
        case .one(let text): text
        case .many(let texts): texts.joined(separator: ", ")
        }
    }

    /// Every sentence begins a line, as mdoc wants it, and none is longer than a terminal.
    private static func sentences(_ text: String) -> String {
        var sentences = [""]
        for word in text.split(separator: " ") {
            sentences[sentences.count - 1] += sentences[sentences.count - 1].isEmpty ? "\(word)" : " \(word)"
            if word.hasSuffix(".") { sentences.append("") }
        }
        return sentences.flatMap { wrapped($0, width: 70) }.map { escaped($0) + "\n" }.joined()
    }

    /// Text that roff takes for nothing else.
    private static func escaped(_ text: String) -> String {
        var out = ""
        for character in text {
            switch character {
            case "\\": out += "\\e"
            case "'": out += "\\(aq"
            case "`": out += "\\(ga"
            case "~": out += "\\(ti"
            case "^": out += "\\(ha"
            default: out.append(character)
            }
        }
        return out.hasPrefix(".") ? "\\&\(out)" : out
    }

    private static let head = #"""
        .\" Made from the table of keys in Sources/OfficeConfiguration: change it there.
        .Dd November 21, 2026
        .Dt OFFICESHARE.YAML 5
        .Os
        .Sh NAME
        .Nm officeshare.yaml
        .Nd configuration of the officeshare daemon
        .Sh DESCRIPTION
        .Xr officeshared 8
        reads
        .Pa /etc/officeshare/officeshare.yaml
        when it starts, and again when it is told to reload.
        No configuration is needed: without the file, and for every key that is not
        in it, the defaults below serve.
        .Pp
        The file is YAML: one
        .Ql KEY: VALUE
        on a line, the keys of a section below its name and indented,
        .Ql #
        before what is a comment.
        A list is written as
        .Ql [a, b]
        or as one
        .Ql - VALUE
        on a line.
        .Bd -literal -offset indent
        name: reception
        peers: [10.0.2.7, \(aq[2001:db8::7]:8747\(aq]
        limits:
          connections: 1024
        .Ed
        .Pp
        A key can also be given by a variable of the environment and by a flag of
        the daemon.
        A flag comes before the environment, that before the file, that before the
        default; see
        .Sx ENVIRONMENT .
        .Pp
        The configuration is checked whole.
        A key that nobody knows, a key given twice, and a value that is not possible
        are each told on a line that names the file, the line, the key and what is
        allowed, and the daemon does not start.
        .Ql officeshared --check-config
        does only that.
        At a reload a faulty configuration changes nothing.

        """#

    private static var tail: String {
        let examples = ["port", "listenAddresses", "limits.connectionsPerPeer"].compactMap(ConfigurationKey.named)
        let variables = examples.map { ".It Ev \($0.environmentName)\n\($0.name)\n" }.joined()
        return #"""
            .Sh ENVIRONMENT
            Every key has a variable: its name in capitals behind
            .Ev OFFICESHARE_ ,
            with
            .Ql _
            between section and key, and where a word begins.
            The values of a list are separated by commas; an empty one is the empty list.
            A variable that begins so and belongs to no key is an error.
            .Bl -tag -width Ds
            \#(variables).It Ev \#(SettingsReader.fileVariable)
            the file to read, which then has to exist, as with
            .Fl -config
            .El
            .Pp
            On the command line
            .Fl -set Ar key Ns = Ns Ar value
            gives any key by its name with its section, as
            .Ql limits.connections ;
            the usual ones have flags of their own, see
            .Xr officeshared 8 .
            .Sh FILES
            .Bl -tag -width Ds
            .It Pa /etc/officeshare/officeshare.yaml
            the configuration; it may be absent
            .El
            .Sh DIAGNOSTICS
            .Dl /etc/officeshare/officeshare.yaml:3: prot: there is no such key. Did you mean \(aqport\(aq?
            .Dl OFFICESHARE_PORT: 70000 is out of range. Give a whole number from 1 to 65535.
            .Sh SEE ALSO
            .Xr officeshare 1 ,
            .Xr officeshared 8

            """#
    }
}
