//! Eight bytes in one register, looked at all at once: what scanning text, and base64, spend their time on.
//!
//! A *lane* is one byte of the eight; lane 0 is the first byte in memory, and the lowest of the number. No lane may carry
//! into the next one, so most functions want lanes below 0x80 and say so.

/// 1 in each lane.
pub const ONES: u64 = 0x0101_0101_0101_0101;
/// The highest bit of each lane.
pub const HIGH: u64 = 0x8080_8080_8080_8080;

/// `value`, below 256, in each lane.
#[inline(always)] // these are a few instructions each, in the innermost loops
pub const fn all(value: u64) -> u64 {
    ONES.wrapping_mul(value)
}

/// The highest bit of each lane of `lanes` that is at least `least`. All lanes must be below 0x80, and `least` at most 0x80.
#[inline(always)]
pub const fn at_least(lanes: u64, least: u64) -> u64 {
    lanes.wrapping_add(all(0x80_u64.wrapping_sub(least))) & HIGH
}

/// The highest bit of each lane of `lanes` that is `value`. All of them must be below 0x80.
#[inline(always)]
pub const fn equal(lanes: u64, value: u64) -> u64 {
    !(lanes ^ all(value)).wrapping_add(all(0x7F)) & HIGH
}

/// Whether a lane of `lanes` is zero.
#[inline(always)]
pub const fn has_zero(lanes: u64) -> bool {
    lanes.wrapping_sub(ONES) & !lanes & HIGH != 0
}

/// In how many bytes, counted from the first one, no highest bit is set.
#[inline(always)]
pub fn clear_lanes(lanes: u64) -> usize {
    usize::try_from((lanes & HIGH).trailing_zeros() / 8).unwrap_or(8)
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    #[test]
    fn each_lane_is_for_itself() {
        // Each value beside the ones that carry most easily.
        for value in 0..0x80_u8 {
            for other in [0, 1, 0x7F, value] {
                let bytes = [other, value, other, value, value, other, 0x7F, value];
                let lanes = u64::from_le_bytes(bytes);
                for limit in 0..=0x80_u8 {
                    let least = at_least(lanes, limit.into()).to_le_bytes();
                    assert_eq!(least, bytes.map(|byte| if byte >= limit { 0x80 } else { 0 }), "{bytes:?} {limit}");
                    let same = equal(lanes, (limit & 0x7F).into()).to_le_bytes();
                    assert_eq!(
                        same,
                        bytes.map(|byte| if byte == limit & 0x7F { 0x80 } else { 0 }),
                        "{bytes:?} {limit}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_zero_is_seen_in_any_lane() {
        for lane in 0..8 {
            for value in 0..=u8::MAX {
                let mut bytes = [value; 8];
                assert_eq!(has_zero(u64::from_le_bytes(bytes)), value == 0, "{bytes:?}");
                bytes[lane] = 0;
                assert!(has_zero(u64::from_le_bytes(bytes)), "{bytes:?}");
            }
        }
    }

    #[test]
    fn the_first_marked_lane_is_found() {
        assert_eq!(clear_lanes(0), 8);
        for first in 0..8 {
            assert_eq!(clear_lanes(0x80 << (8 * first) | HIGH << 8 << (7 * first) | 0x7F), first);
        }
    }
}
