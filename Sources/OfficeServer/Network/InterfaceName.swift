import CLinux

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Interface indices as names: `if_indextoname(3)`.
enum InterfaceName {
    static func of(index: UInt32) -> String? {
        guard index != 0 else { return nil }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(IF_NAMESIZE)) { buffer in
            guard let base = buffer.baseAddress, let name = if_indextoname(index, base) else { return nil }
            return String(cString: name)
        }
    }

    /// The interface an IPv6 address is of, by index; 0 where it is not bound to one.
    static func scope(of address: UnsafePointer<sockaddr>, length: Int) -> UInt32 {
        os_scope_id(address, socklen_t(length))
    }
}
