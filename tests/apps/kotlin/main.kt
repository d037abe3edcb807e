// Runs the generated self-test on the folder BUNDLE; the outputs that RECORDED holds stand for a runtime.
package edgeswap.model

import com.google.ai.edge.litert.CompiledModel
import java.io.File
import org.tensorflow.lite.Interpreter

fun main(arguments: Array<String>) {
    val bundle = File(arguments[0])
    for (vector in File(arguments[1]).listFiles()!!.map { it.name.substringBefore('.') }.toSet()) {
        val files = File(arguments[1]).listFiles()!!.filter { it.name.startsWith("$vector.") }.sortedBy { it.name }
        val given = files.filter { ".quantized" in it.name }.map { it.readBytes().toList() }
        Interpreter.recorded[given] = files.filter { ".output" in it.name }.map { it.readBytes() }
        CompiledModel.inputs = files.filter { ".quantized" in it.name }.map { it.extension }
        CompiledModel.outputs = files.filter { ".output" in it.name }.map { it.extension }
    }
    try {
        val steps = open(File(bundle, "model.tflite")).use { model ->
            selfTest(model) { name -> File(bundle, name).readBytes() }
        }
        println("pass: outputs off by at most $steps int8 steps")
    } catch (failure: SelfTestFailure) {
        println("failed at ${failure.message}")
    }
}
