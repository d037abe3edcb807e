// Runs the generated self-test on the folder BUNDLE; the outputs that RECORDED holds stand for a runtime.
import Foundation
#if INTERPRETER
  import TensorFlowLite
#else
  import LiteRT
#endif

let recorded = URL(fileURLWithPath: CommandLine.arguments[2])
let files = try FileManager.default.contentsOfDirectory(atPath: recorded.path).sorted()
for vector in Set(files.map { $0.prefix { $0 != "." } }) {
  let contents = { (kind: String) in
    try files.filter { $0.hasPrefix("\(vector).\(kind)") }.map { try Data(contentsOf: recorded.appendingPathComponent($0)) }
  }
  #if INTERPRETER
    Interpreter.recorded[try contents("quantized")] = try contents("output")
  #else
    CompiledModel.recorded[try contents("quantized")] = try contents("output")
  #endif
}
do {
  let steps = try selfTest(bundle: URL(fileURLWithPath: CommandLine.arguments[1]))
  print("pass: outputs off by at most \(steps) int8 steps")
} catch {
  print("failed at \(error)")
}
