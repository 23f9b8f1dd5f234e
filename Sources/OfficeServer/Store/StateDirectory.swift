import OfficeCore

#if canImport(Glibc)
    import Glibc
#endif

/// The directory of the node's state: its own user's alone.
enum StateDirectory {
    static func prepare(_ path: String) throws(OfficeError) {
        if mkdir(path, 0o700) != 0, errno != EEXIST {
            throw OfficeError(
                .cannotCreate, path, "the state directory can't be made (\(String(cString: strerror(errno))))",
                mend: "Make it, owned by the user officeshared runs as, or set 'state-directory' in the configuration.")
        }
        guard access(path, R_OK | W_OK | X_OK) == 0 else {
            throw OfficeError(
                .notAllowed, path, "the state directory can't be written (\(String(cString: strerror(errno))))",
                mend: "Give it to the user officeshared runs as with 'chown'.")
        }
    }
}
