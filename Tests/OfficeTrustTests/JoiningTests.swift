import OfficeCore
import Testing

@testable import OfficeTrust

@Suite struct JoinCodeTests {
    @Test func codesReadBackHoweverTheyAreTyped() throws {
        let node = try NodeIdentity().id
        let code = JoinCode(inviter: node)
        #expect(code.printed.utf8.count == 29)
        #expect(try JoinCode(parsing: code.printed) == code)
        #expect(try JoinCode(parsing: code.printed.lowercased().replacing("-", with: " ")) == code)
        let misread = code.printed.replacing("0", with: "o").replacing("1", with: "l")
        #expect(try JoinCode(parsing: misread) == code)
        #expect(code.isFrom(node))
        #expect(!code.isFrom(try NodeIdentity().id))
    }

    @Test func everyWrongCharacterAndEverySwapIsNoticed() throws {
        let printed = JoinCode(inviter: NodeID(Digest256.of([7]))).printed
        let characters = Array(printed.replacing("-", with: "").utf8)
        for index in characters.indices {
            for symbol in Crockford.alphabet where symbol != characters[index] {
                var wrong = characters
                wrong[index] = symbol
                #expect(code { try JoinCode(parsing: String(decoding: wrong, as: UTF8.self)) } == .malformed)
            }
            for other in characters.indices where characters[other] != characters[index] {
                var swapped = characters
                swapped.swapAt(index, other)
                #expect(code { try JoinCode(parsing: String(decoding: swapped, as: UTF8.self)) } == .malformed)
            }
        }
        for wrong in ["", printed + "0", String(printed.dropLast()), "u" + printed.dropFirst(), "é" + printed] {
            #expect(code { try JoinCode(parsing: wrong) } == .malformed)
        }
    }

    @Test func recoveryKeysReadBackAndTypingErrorsAreNoticed() throws {
        let key = try RecoveryKey()
        let again = try RecoveryKey(parsing: key.printed.lowercased())
        #expect(again.publicKey == key.publicKey)
        #expect(key.printed.utf8.count == 34)
        var wrong = Array(key.printed.utf8)
        wrong[3] = wrong[3] == UInt8(ascii: "7") ? UInt8(ascii: "8") : UInt8(ascii: "7")
        #expect(code { try RecoveryKey(parsing: String(decoding: wrong, as: UTF8.self)) } == .malformed)
        #expect(code { try RecoveryKey(parsing: String(key.printed.dropLast())) } == .malformed)
        #expect(code { try RecoveryKey(parsing: "") } == .malformed)
    }
}

@Suite struct InvitationTests {
    let inviter: NodeIdentity
    let joiner: NodeIdentity
    let start = ContinuousClock.now

    init() throws {
        inviter = try NodeIdentity()
        joiner = try NodeIdentity()
    }

    private func proof(_ code: JoinCode, by node: NodeIdentity) -> [UInt8] {
        code.secret.proof(
            by: .joiner, joinerCertificate: node.certificateDER, inviterCertificate: inviter.certificateDER)
    }

    private func redeem(
        _ invitations: inout Invitations, _ proof: [UInt8], by node: NodeIdentity, after: Duration = .zero
    ) throws -> Invitations.Redemption {
        try invitations.redeem(
            proof: proof, joinerCertificate: node.certificateDER, inviterCertificate: inviter.certificateDER,
            at: start.advanced(by: after))
    }

    @Test func aRightProofLetsOneNodeInAndIsAnswered() throws {
        var invitations = Invitations()
        let opened = try invitations.open(inviter: inviter.id, at: start)
        #expect(invitations.isAnswering(at: start))
        let redemption = try redeem(&invitations, proof(opened, by: joiner), by: joiner)
        #expect(!redemption.isRepeated)
        #expect(
            opened.secret.verifies(
                redemption.replyProof, by: .inviter, joinerCertificate: joiner.certificateDER,
                inviterCertificate: inviter.certificateDER))
        #expect(redemption.replyProof != proof(opened, by: joiner))
        // The answer lost, the same node asks again; another one is too late.
        #expect(try redeem(&invitations, proof(opened, by: joiner), by: joiner).isRepeated)
        let other = try NodeIdentity()
        #expect(code { try redeem(&invitations, proof(opened, by: other), by: other) } == .notAllowed)
    }

    @Test func theSixthGuessFailsEvenWhenRight() throws {
        var invitations = Invitations()
        let opened = try invitations.open(inviter: inviter.id, at: start)
        let right = proof(opened, by: joiner)
        for index in 0..<4 {
            var wrong = right
            wrong[index] ^= 1
            #expect(code { try redeem(&invitations, wrong, by: joiner) } == .notAllowed)
        }
        // After four the right one would do; a fifth wrong one is the end.
        var afterFour = invitations
        _ = try redeem(&afterFour, right, by: joiner)
        #expect(code { try redeem(&invitations, [], by: joiner) } == .notAllowed)
        #expect(code { try redeem(&invitations, right, by: joiner) } == .notAllowed)
        #expect(!invitations.isAnswering(at: start))
    }

    @Test func invitationsExpire() throws {
        var invitations = Invitations()
        let opened = try invitations.open(inviter: inviter.id, at: start)
        let end = Duration.seconds(15 * 60)
        var justBefore = invitations
        _ = try redeem(&justBefore, proof(opened, by: joiner), by: joiner, after: end - .nanoseconds(1))
        #expect(code { try redeem(&invitations, proof(opened, by: joiner), by: joiner, after: end) } == .notAllowed)
        #expect(!invitations.isAnswering(at: start.advanced(by: end)))
    }

    @Test func aProofIsGoodForItsCertificatesOnly() throws {
        var invitations = Invitations()
        let opened = try invitations.open(inviter: inviter.id, at: start)
        let middle = try NodeIdentity()
        #expect(code { try redeem(&invitations, proof(opened, by: joiner), by: middle) } == .notAllowed)
        #expect(
            !opened.secret.verifies(
                proof(opened, by: joiner), by: .joiner, joinerCertificate: joiner.certificateDER,
                inviterCertificate: middle.certificateDER))
        #expect(
            !opened.secret.verifies(
                proof(opened, by: joiner), by: .inviter, joinerCertificate: joiner.certificateDER,
                inviterCertificate: inviter.certificateDER))
    }

    @Test func severalAreOpenUpToTheLimit() throws {
        var invitations = Invitations()
        let codes = try (0..<Invitations.limit).map { _ in try invitations.open(inviter: inviter.id, at: start) }
        #expect(code { try invitations.open(inviter: inviter.id, at: start) } == .limit)
        _ = try redeem(&invitations, proof(codes[9], by: joiner), by: joiner)
        // What was used makes room: an office of any size joins within a quarter of an hour.
        let next = try invitations.open(inviter: inviter.id, at: start)
        #expect(code { try invitations.open(inviter: inviter.id, at: start) } == .limit)
        let other = try NodeIdentity()
        _ = try redeem(&invitations, proof(next, by: other), by: other)
        let later = start.advanced(by: Invitations.defaultLifetime)
        _ = try invitations.open(inviter: inviter.id, at: later)
        #expect(code { try invitations.open(inviter: inviter.id, for: .zero, at: later) } == .usage)
        #expect(code { try invitations.open(inviter: inviter.id, for: .seconds(86_401), at: later) } == .usage)
    }

    @Test func joiningEndsWithTheSameLogOnBothSides() throws {
        var office = try TestOffice()
        let pc1 = try office.node("pc1")
        var invitations = Invitations()
        let opened = try invitations.open(inviter: pc1.id, at: start)
        let request = try JoinRequest(
            parsing: JoinRequest(
                code: opened, joinerCertificate: joiner.certificateDER, inviterCertificate: pc1.certificateDER,
                name: Label("pc2")
            ).encoded())
        let redemption = try invitations.redeem(
            proof: request.proof, joinerCertificate: joiner.certificateDER, inviterCertificate: pc1.certificateDER,
            at: start)
        // Nothing is accepted that doesn't have the joiner in it.
        let empty = JoinAnswer(replyProof: redemption.replyProof, name: request.name, log: office.log)
        #expect(
            code { try empty.accept(code: opened, identity: joiner, inviterCertificate: pc1.certificateDER) }
                == .notAllowed)
        try office.insert { try $0.admitting(joiner.key, name: request.name, by: pc1, time: TestOffice.time) }
        let answer = try JoinAnswer(
            parsing: JoinAnswer(replyProof: redemption.replyProof, name: request.name, log: office.log).encoded())
        let log = try answer.accept(code: opened, identity: joiner, inviterCertificate: pc1.certificateDER)
        #expect(log.state == office.log.state)
        var forged = answer
        forged.proof[0] ^= 1
        #expect(
            code { try forged.accept(code: opened, identity: joiner, inviterCertificate: pc1.certificateDER) }
                == .notAllowed)
        #expect(
            code { try answer.accept(code: opened, identity: joiner, inviterCertificate: joiner.certificateDER) }
                == .notAllowed)
    }

    @Test func messagesOverTheirLimitsAreRefused() throws {
        #expect(
            code { try JoinRequest(parsing: [UInt8](repeating: 0x20, count: JoinRequest.maximumBytes + 1)) }
                == .malformed)
        #expect(code { try JoinRequest(parsing: Array("{}".utf8)) } == .malformed)
        #expect(
            code { try JoinRequest(parsing: Array(#"{"version":1,"proof":"AAAA","name":"x"}"#.utf8)) } == .malformed)
        #expect(code { try JoinAnswer(parsing: Array(#"{"version":"#.utf8)) } == .malformed)
        let long = String(repeating: "A", count: 43) + "="
        #expect(
            code { try JoinRequest(parsing: Array(#"{"version":1,"proof":"\#(long)","name":"a/b"}"#.utf8)) }
                == .malformed)
        #expect(
            code { try JoinRequest(parsing: Array(#"{"version":2,"proof":"\#(long)","name":"ab"}"#.utf8)) }
                == .malformed)
        #expect(code { try JoinRequest(parsing: Array(#"{"version":1,"proof":"\#(long)","name":"ab"}"#.utf8)) } == nil)
    }
}
