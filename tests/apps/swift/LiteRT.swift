// Stand-ins for LiteRT's CompiledModel and what it takes, by the names of its own Swift package (2.2). They run no model,
// they play back outputs that were recorded from a real one.
import Foundation

public enum Accelerator: Int32 {
  case none = 0
  case cpu = 1
  case gpu = 2
  case npu = 4
}

public final class Environment {
  public init() throws {}
}

public final class Options {
  public init() throws {}

  public func setHardwareAccelerators(_ accelerators: Set<Accelerator>) throws { precondition(accelerators == [.cpu]) }
}

public final class TensorBuffer {
  var bytes = Data()

  public func write<T>(_ data: [T]) throws {
    bytes = data.withUnsafeBytes { Data($0) }
  }

  public func read<T>() throws -> [T] {
    let stride = MemoryLayout<T>.stride
    return bytes.withUnsafeBytes { memory in
      (0..<memory.count / stride).map { memory.loadUnaligned(fromByteOffset: $0 * stride, as: T.self) }
    }
  }
}

public final class CompiledModel {
  public static var recorded: [[Data]: [Data]] = [:]

  public init(filePath: String, environment: Environment, options: Options? = nil) throws {
    _ = try Data(contentsOf: URL(fileURLWithPath: filePath))
  }

  public func createInputBuffers(signatureIndex: Int = 0) throws -> [TensorBuffer] {
    return CompiledModel.recorded.keys.first!.map { _ in TensorBuffer() }
  }

  public func createOutputBuffers(signatureIndex: Int = 0) throws -> [TensorBuffer] {
    return CompiledModel.recorded.values.first!.map { _ in TensorBuffer() }
  }

  public func run(inputs: [TensorBuffer], outputs: [TensorBuffer], options: Options? = nil, signatureIndex: Int = 0) throws {
    for (buffer, bytes) in zip(outputs, CompiledModel.recorded[inputs.map { $0.bytes }]!) { buffer.bytes = bytes }
  }
}
