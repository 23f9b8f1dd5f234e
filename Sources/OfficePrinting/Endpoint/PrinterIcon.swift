import OfficeCore

/// A small picture of a printer for print dialogues (`printer-icons`): PNG, 48 by 48, four colours.
package enum PrinterIcon {
    package static let path = "/icons/printer.png"

    package static let png: [UInt8] =
        hexDecoded(
            """
            89504e470d0a1a0a0000000d49484452000000300000003002030000002a6c11140000000c504c5445ffffff4a5568e2\
            e8f048bb78f48706c10000000174524e530040e6d866000000334944415478da6360a036d05a05042b06238735140a02\
            48e7fc258e43d0b42c90735692c8016927490fd0db203db409518a0000dfe28511bfe4ebdf0000000049454e44ae4260\
            82
            """) ?? []
}
