/// Carries an object that is no `Sendable` from thread to thread.
///
/// Safe because it is used by one thread at a time only: `ByteInlet` and `ByteOutlet` call what they drive one
/// call after the other, with a lock taken and released between them.
struct Handover<Value>: @unchecked Sendable {
    let value: Value

    init(_ value: Value) {
        self.value = value
    }
}
