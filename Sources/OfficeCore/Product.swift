/// Which officeshare this is. One number for both programs and the package.
package enum Product {
    package static let version = "0.1.0"
}
