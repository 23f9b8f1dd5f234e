extension ConfigurationKey {
    static let outbox: [ConfigurationKey] = [
        ConfigurationKey(
            "outbox", "deliveries", field: .integer(\.outbox.deliveries, 1...100_000),
            summary: "Deliveries that have not arrived yet."),
        ConfigurationKey(
            "outbox", "spoolMegabytes", field: .integer(\.outbox.spoolMegabytes, 1...16_777_216),
            summary: "Mebibytes of their contents, and of those that are kept for 'officeshare resend'."),
        ConfigurationKey(
            "outbox", "retentionHours", field: .integer(\.outbox.retentionHours, 0...8_760),
            summary: "Hours for which what has arrived is kept for 'officeshare resend'."),
        ConfigurationKey(
            "outbox", "retainedMegabytes", field: .integer(\.outbox.retainedMegabytes, 0...16_777_216),
            summary: "Mebibytes of that; the oldest goes first."),
    ]

    static let inbox: [ConfigurationKey] = [
        ConfigurationKey(
            "inbox", "accept", field: .list(\.inbox.accept, of: .sender, maximum: 256),
            summary:
                "From whom files are taken in without asking: 'members' is everyone in the office. Empty, or 'ask' "
                + "alone: from nobody. What is not taken in waits at its sender until somebody here accepts it."),
        ConfigurationKey(
            "inbox", "maximumMegabytes", field: .integer(\.inbox.maximumMegabytes, 0...16_777_216),
            summary: "Mebibytes of a file up to which it is taken in without asking."),
        ConfigurationKey(
            "inbox", "deliveries", field: .integer(\.inbox.deliveries, 1...100_000),
            summary: "Deliveries that nobody has taken or rejected yet, in all."),
        ConfigurationKey(
            "inbox", "deliveriesPerNode", field: .integer(\.inbox.deliveriesPerNode, 1...100_000),
            summary: "The same, from one node."),
        ConfigurationKey(
            "inbox", "spoolMegabytes", field: .integer(\.inbox.spoolMegabytes, 1...16_777_216),
            summary: "Mebibytes of all contents that are here or on their way here. A larger file is refused for good."),
    ]
}
