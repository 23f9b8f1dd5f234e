import NIOCore
import OfficeCore
import Testing

@testable import OfficeTransfer
