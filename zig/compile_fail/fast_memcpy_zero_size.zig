//! Must not compile: there is nothing to copy in a type without a size.

const simd = @import("simd");

export fn copy() void {
    var destination: [1]void = undefined;
    const source: [1]void = undefined;
    simd.fastMemcpy(void, &destination, &source);
}
