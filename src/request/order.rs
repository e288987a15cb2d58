//! Which of several wrong members is told: the one that QEMU meets first when it walks its hash table.

/// The bucket of QEMU's table that a member goes to (reference: QEMU 10.0, 512 buckets, walked in ascending order).
pub(super) fn bucket(name: impl Iterator<Item = u8>) -> u32 {
    let mut length = 0_u32;
    let mut sum = 0_u32;
    for byte in name {
        // Byte number i is shifted by 5 i modulo 24.
        sum = sum.wrapping_add(u32::from(byte) << (length.wrapping_mul(5) % 24));
        length = length.wrapping_add(1);
    }
    sum = sum.wrapping_add(length.wrapping_mul(0x238F_13AF));
    sum.wrapping_mul(1_103_515_243).wrapping_add(12345) % 512
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_members_are_walked_in_the_known_order() {
        let order = ["exec-oob", "execute", "arguments", "id"].map(|name| bucket(name.bytes()));
        assert!(order.is_sorted(), "{order:?}");
        let error = ["class", "desc"].map(|name| bucket(name.bytes()));
        assert!(error.is_sorted(), "{error:?}");
    }
}
