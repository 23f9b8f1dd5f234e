internal import CCUPS
package import OfficeCore

extension CUPSScheduler {
    /// The queues of this machine, in CUPS's order: not those that cupsd makes for a moment of printers that it
    /// discovers, and not those whose name the office can't use.
    package func queues() throws(OfficeError) -> [CUPSQueue] {
        try printers(wanting: CUPSQueue.attributes).compactMap(CUPSQueue.init).filter { !$0.isTemporary }
    }

    /// The queue of that name; nil where there is none.
    package func queue(_ name: Label) throws(OfficeError) -> CUPSQueue? {
        try askForAny(.getPrinterAttributes, .queue(name), wanting: CUPSQueue.attributes)?
            .groups.first { $0.tag == .printer }.flatMap(CUPSQueue.init)
    }

    /// What may change from second to second, of all queues in one request.
    package func states() throws(OfficeError) -> [Label: QueueStatus] {
        var made: [Label: QueueStatus] = [:]
        var gates: [Label: CUPSGate] = [:]
        for printer in try printers(wanting: QueueStatus.attributes) {
            let told = printer["printer-name"]?.text ?? ""
            if let queue = CUPSGate.queue(ofName: told) { gates[queue] = CUPSGate(printer, before: queue) }
            guard let name = try? Label(told) else { continue }
            let status = QueueStatus(printer)
            if !status.isTemporary { made[name] = status }
        }
        for (queue, gate) in gates {
            made[queue]?.gate = gate
            made[queue]?.jobs += gate.jobs
        }
        return made
    }

    private func printers(wanting: [String]) throws(OfficeError) -> [IPPGroup] {
        // Neither what is discovered nor faxes.
        let mask = Int32(bitPattern: CUPS_PRINTER_DISCOVERED.rawValue | CUPS_PRINTER_FAX.rawValue)
        let answer = try askForAny(
            .getPrinters, .everything, wanting: wanting,
            [
                IPPAttribute("printer-type", .enumeration(0)),
                IPPAttribute("printer-type-mask", .enumeration(mask)),
            ])
        return answer?.groups.filter { $0.tag == .printer } ?? []
    }
}
