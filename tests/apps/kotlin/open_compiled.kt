// How an app opens the model where LiteRT has CompiledModel.
package edgeswap.model

import java.io.File

fun open(file: File) = Model(file.path)
