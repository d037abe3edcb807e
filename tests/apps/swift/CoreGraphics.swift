// Stand-ins for Core Graphics' names that the generated Swift uses; Foundation has CGRect on Linux too.
import Foundation

public final class CGImage {
  public let width = 0, height = 0
  public func cropping(to rectangle: CGRect) -> CGImage? { self }
}
public final class CGColorSpace {}
public func CGColorSpaceCreateDeviceRGB() -> CGColorSpace { CGColorSpace() }

public enum CGImageAlphaInfo: UInt32 {
  case premultipliedLast = 1
  case noneSkipLast = 5
}

public enum CGInterpolationQuality { case high }

public final class CGContext {
  public var interpolationQuality = CGInterpolationQuality.high
  public init?(
    data: UnsafeMutableRawPointer?, width: Int, height: Int, bitsPerComponent: Int, bytesPerRow: Int,
    space: CGColorSpace, bitmapInfo: UInt32
  ) {}
  public func draw(_ image: CGImage, in rectangle: CGRect) {}
}
