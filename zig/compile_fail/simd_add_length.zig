//! Must not compile: 15 lanes do not fill whole registers.

const simd = @import("simd");

comptime {
    const zeros: [15]u32 = @splat(0);
    _ = simd.simdAdd(u32, 15, zeros, zeros);
}
