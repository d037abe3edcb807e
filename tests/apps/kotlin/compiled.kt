// Stand-ins for LiteRT's CompiledModel and what it takes, by the names and types of LiteRT's own Kotlin (2.2). They run no
// model, they play back outputs that were recorded from a real one, and refuse values of another type than the tensor's.
package com.google.ai.edge.litert

import android.content.res.AssetManager
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.tensorflow.lite.Interpreter

enum class Accelerator { NONE, CPU, GPU, NPU }

class Environment

abstract class JniHandle internal constructor() : AutoCloseable {
    private var closed = false

    final override fun close() {
        closed = true
    }

    protected fun assertNotDestroyed() = check(!closed) { "The handle has been destroyed." }
}

class TensorBuffer internal constructor(private val type: String) : JniHandle() {
    internal var bytes = ByteArray(0)

    fun writeInt8(data: ByteArray) = put(data, "i8", "u8")

    fun writeInt(data: IntArray) = put(buffer(4 * data.size).also { made -> data.forEach { made.putInt(it) } }.array(), "i32")

    fun writeFloat(data: FloatArray) = put(buffer(4 * data.size).also { made -> data.forEach { made.putFloat(it) } }.array(), "f32")

    fun readInt8(): ByteArray = take("i8", "u8")

    fun readFloat(): FloatArray = ByteBuffer.wrap(take("f32")).order(ByteOrder.nativeOrder()).asFloatBuffer().let { made -> FloatArray(made.remaining()) { made[it] } }

    private fun put(data: ByteArray, vararg types: String) {
        assertNotDestroyed()
        check(type in types) { "a tensor of $type" }
        bytes = data
    }

    private fun take(vararg types: String): ByteArray {
        assertNotDestroyed()
        check(type in types) { "a tensor of $type" }
        return bytes
    }

    private fun buffer(size: Int) = ByteBuffer.allocate(size).order(ByteOrder.nativeOrder())
}

class CompiledModel private constructor() : JniHandle() {
    class Options constructor(val accelerators: Set<Accelerator>) {
        constructor(vararg accelerators: Accelerator) : this(setOf(*accelerators))
    }

    @JvmOverloads
    fun createInputBuffers(signatureIndex: Int = 0): List<TensorBuffer> = inputs.map { TensorBuffer(it) }.also { check(signatureIndex == 0) }

    @JvmOverloads
    fun createOutputBuffers(signatureIndex: Int = 0): List<TensorBuffer> = outputs.map { TensorBuffer(it) }.also { check(signatureIndex == 0) }

    @JvmOverloads
    fun run(inputs: List<TensorBuffer>, outputs: List<TensorBuffer>, signatureIndex: Int = 0) {
        assertNotDestroyed()
        check(signatureIndex == 0)
        val made = Interpreter.recorded[inputs.map { it.bytes.toList() }] ?: error("inputs that were not recorded")
        outputs.forEachIndexed { index, buffer -> buffer.bytes = made[index] }
    }

    companion object {
        var inputs = listOf<String>()
        var outputs = listOf<String>()

        @JvmOverloads
        @JvmStatic
        fun create(assetManager: AssetManager, assetName: String, options: Options, optionalEnv: Environment? = null): CompiledModel =
            error("no assets here: $assetManager, $assetName, $options, $optionalEnv")

        @JvmOverloads
        @JvmStatic
        fun create(filePath: String, options: Options, optionalEnv: Environment? = null): CompiledModel {
            check(File(filePath).isFile && options.accelerators == setOf(Accelerator.CPU) && optionalEnv == null)
            return CompiledModel()
        }
    }
}
