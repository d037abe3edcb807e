// Stand-ins for Android's names that the generated Kotlin uses, so that a compiler can check it without the SDK.
package android.graphics

class Bitmap private constructor(val width: Int, val height: Int, private val colors: IntArray) {
    fun getPixels(pixels: IntArray, offset: Int, stride: Int, x: Int, y: Int, width: Int, height: Int) {
        for (row in 0 until height) for (column in 0 until width) {
            pixels[offset + row * stride + column] = colors[(y + row) * this.width + x + column]
        }
    }

    companion object {
        @JvmStatic
        fun createScaledBitmap(src: Bitmap, dstWidth: Int, dstHeight: Int, filter: Boolean): Bitmap {
            check(src.width == dstWidth && src.height == dstHeight) { "no resizing here" }
            return src
        }

        @JvmStatic
        fun createBitmap(source: Bitmap, x: Int, y: Int, width: Int, height: Int): Bitmap {
            check(x == 0 && y == 0 && source.width == width && source.height == height) { "no cropping here" }
            return source
        }

        @JvmStatic
        fun createBitmap(colors: IntArray, width: Int, height: Int) = Bitmap(width, height, colors)
    }
}
