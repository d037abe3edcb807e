// A stand-in for Android's name that the generated Kotlin uses.
package android.content.res

class AssetManager
