/// What was acknowledged by whichever file server there was, and what is there in the end. Pure.
///
/// A cut network can have two file servers, and then no order explains all they said. What is promised instead is that
/// nothing acknowledged is lost: every content is in the current file, in its versions, or in a copy that is named after it.
package struct Acknowledged<File: Hashable & Sendable, Content: Hashable & Sendable>: Sendable {
    package struct Write: Hashable, Sendable {
        package let file: File
        package let content: Content

        package init(_ content: Content, in file: File) {
            self.file = file
            self.content = content
        }
    }

    package private(set) var writes: Set<Write> = []
    /// Under which names a content may be, since it was moved on.
    private var names: [Content: Set<File>] = [:]

    package init() {}

    package mutating func wrote(_ content: Content, in file: File) {
        writes.insert(Write(content, in: file))
        names[content, default: []].insert(file)
    }

    /// Whatever had a name may have the other one now.
    package mutating func moved(from: File, to: File) {
        for (content, files) in names where files.contains(from) { names[content]?.insert(to) }
    }

    /// What is nowhere that it may be.
    ///
    /// - Parameter there: All that is found in the end: what has a file's name, its versions, and copies named after it.
    package func lost(given there: [File: Set<Content>]) -> Set<Write> {
        writes.filter { write in
            !(names[write.content] ?? []).contains { there[$0]?.contains(write.content) == true }
        }
    }
}
