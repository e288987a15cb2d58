//! Which of several wrong members is told: the one that QEMU meets first when it walks its hash table.

use crate::args::Text;

/// The bucket of QEMU's table that a member goes to (reference: QEMU 10.0, 512 buckets, walked in ascending order).
pub(super) fn bucket(name: Text<'_>) -> u32 {
    let mut length = 0_u32;
    let mut sum = 0_u32;
    for run in name.runs() {
        for &byte in run {
            // Byte number i is shifted by 5 i modulo 24.
            sum = sum.wrapping_add(u32::from(byte) << (length.wrapping_mul(5) % 24));
            length = length.wrapping_add(1);
        }
    }
    sum = sum.wrapping_add(length.wrapping_mul(0x238F_13AF));
    sum.wrapping_mul(1_103_515_243).wrapping_add(12345) % 512
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_members_are_walked_in_the_known_order() {
        let order = [&b"exec-oob"[..], b"execute", b"arguments", b"id"].map(|name| bucket(Text::from_escaped(name)));
        assert!(order.is_sorted(), "{order:?}");
        let error = [&b"class"[..], b"desc"].map(|name| bucket(Text::from_escaped(name)));
        assert!(error.is_sorted(), "{error:?}");
    }
}
