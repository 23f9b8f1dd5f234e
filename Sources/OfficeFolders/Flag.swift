import CLinux

/// Constants of Linux in the types that the calls take.
enum Flag {
    /// O_PATH: a handle that only names a file.
    static let path = Int32(os_O_PATH)
    /// SEEK_DATA of lseek(2).
    static let seekData = Int32(os_SEEK_DATA)
    /// RENAME_NOREPLACE and RENAME_EXCHANGE of renameat2(2).
    static let noReplace = UInt32(os_RENAME_NOREPLACE)
    static let exchange = UInt32(os_RENAME_EXCHANGE)
    /// UTIME_OMIT of utimensat(2).
    static let omitTime = Int(os_UTIME_OMIT)
}
