// A stand-in for CryptoKit's SHA256, by the program sha256sum.
import Foundation

public enum SHA256 {
  public static func hash(data: Data) -> [UInt8] {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try! data.write(to: file)
    let process = Process(), pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/sha256sum")
    process.arguments = [file.path]
    process.standardOutput = pipe
    try! process.run()
    let digits = Array(String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self).prefix(64))
    return (0..<32).map { UInt8(String(digits[2 * $0...2 * $0 + 1]), radix: 16)! }
  }
}
