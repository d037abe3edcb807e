// Runs the generated self-test on the folder BUNDLE; the outputs that RECORDED holds stand for a runtime.
package edgeswap.model

import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.tensorflow.lite.Interpreter

fun main(arguments: Array<String>) {
    val bundle = File(arguments[0])
    for (vector in File(arguments[1]).listFiles()!!.map { it.name.substringBefore('.') }.toSet()) {
        val files = File(arguments[1]).listFiles()!!.filter { it.name.startsWith("$vector.") }.sortedBy { it.name }
        val given = files.filter { ".quantized" in it.name }.map { it.readBytes().toList() }
        Interpreter.recorded[given] = files.filter { ".output" in it.name }.map { it.readBytes() }
    }
    val file = File(bundle, "model.tflite").readBytes()
    try {
        val steps = Model(ByteBuffer.allocateDirect(file.size).order(ByteOrder.nativeOrder()).put(file)).use { model ->
            selfTest(model) { name -> File(bundle, name).readBytes() }
        }
        println("pass: outputs off by at most $steps int8 steps")
    } catch (failure: SelfTestFailure) {
        println("failed at ${failure.message}")
    }
}
