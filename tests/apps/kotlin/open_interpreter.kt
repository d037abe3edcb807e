// How an app opens the model that an Interpreter runs.
package edgeswap.model

import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder

fun open(file: File): Model {
    val bytes = file.readBytes()
    return Model(ByteBuffer.allocateDirect(bytes.size).order(ByteOrder.nativeOrder()).put(bytes))
}
