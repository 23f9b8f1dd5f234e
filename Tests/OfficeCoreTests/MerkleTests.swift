import OfficeCore
import Testing

@Suite("A content has one root")
struct MerkleTests {
    @Test(
        "Blocks grow with the file, from 128 KiB to 16 MiB",
        arguments: [
            (0, 128 << 10, 0), (1, 128 << 10, 1), (128 << 10, 128 << 10, 1), ((128 << 10) + 1, 128 << 10, 2),
            (256 << 20, 128 << 10, 2048), ((256 << 20) + 1, 256 << 10, 1025), (2 << 30, 1 << 20, 2048),
            (1 << 40, 16 << 20, 65_536),
        ] as [(Int64, Int, Int)])
    func geometry(size: Int64, blockSize: Int, count: Int) {
        let geometry = BlockGeometry(size: size)
        #expect(geometry.blockSize == blockSize)
        #expect(geometry.count == count)
        if count > 0 { #expect(geometry.offset(of: count - 1) + Int64(geometry.length(of: count - 1)) == size) }
    }

    @Test("The root depends on size, number, order and value of the leaves")
    func root() {
        let a = Digest256.of([1])
        let b = Digest256.of([2])
        let roots = [
            MerkleTree.root(size: 1, leaves: [a]), MerkleTree.root(size: 2, leaves: [a]),
            MerkleTree.root(size: 1, leaves: [b]), MerkleTree.root(size: 2, leaves: [a, b]),
            MerkleTree.root(size: 2, leaves: [b, a]), MerkleTree.root(size: 3, leaves: [a, b, a]),
            MerkleTree.root(size: 3, leaves: [a, b, a, a]), MerkleTree.root(size: 0, leaves: []),
        ]
        #expect(Set(roots).count == roots.count)
    }

    @Test("Ids are 64 hexadecimal digits and nothing else")
    func ids() throws {
        let id = NodeID(Digest256.of([7]))
        #expect(try NodeID(hex: id.description) == id)
        #expect(id.short.count == 16)
        for bad in ["", "00", String(repeating: "g", count: 64), id.description + "00"] {
            #expect(throws: OfficeError.self) { try NodeID(hex: bad) }
        }
    }
}
