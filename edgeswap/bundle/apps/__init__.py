"""The code that an app begins with, generated for one model: Python, C++, Kotlin and Swift."""
