//! Must compile: the same calls with arguments that are allowed, so that the failing ones fail for their reason.

const simd = @import("simd");

export fn allowed() u32 {
    const ones: [16]u32 = @splat(1);
    const sum = simd.simdAdd(u32, 16, ones, ones);
    var destination: [16]u32 = undefined;
    simd.fastMemcpy(u32, &destination, &sum);
    return destination[0];
}
