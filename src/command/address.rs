//! Addresses of the network as text.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::bytes::hexadecimal_digit;
use crate::json::write::Writer;

/// An address as inet_ntop(3) writes it, without a scope.
pub fn write_address(address: IpAddr, writer: &mut Writer<'_>) {
    match address {
        IpAddr::V4(address) => write_ipv4(address, writer),
        IpAddr::V6(address) => write_ipv6(address, writer),
    }
}

/// Four numbers with dots between them.
pub fn write_ipv4(address: Ipv4Addr, writer: &mut Writer<'_>) {
    let mut separator: &[u8] = b"";
    for byte in &address.octets() {
        writer.raw(separator);
        writer.unsigned((*byte).into());
        separator = b".";
    }
}

/// As inet_ntop(3): RFC 5952, and the last four bytes as IPv4 where they are one (`::ffff:1.2.3.4`, and `::1.2.3.4`, which
/// the RFC leaves open).
pub fn write_ipv6(address: Ipv6Addr, writer: &mut Writer<'_>) {
    let words = address.segments();
    let zeros = longest_zeros(&words);
    let [.., a, b, c, d] = address.octets();
    let is_ipv4 = zeros == (0..6) || zeros == (0..5) && words.get(5) == Some(&0xFFFF);
    for (index, &word) in words.iter().enumerate() {
        if zeros.contains(&index) {
            if index == zeros.start {
                writer.raw(b":");
            }
            if index == 7 {
                writer.raw(b":");
            }
            continue;
        }
        if index > 0 {
            writer.raw(b":");
        }
        if is_ipv4 && index == 6 {
            return write_ipv4(Ipv4Addr::new(a, b, c, d), writer);
        }
        write_hexadecimal(word, writer);
    }
}

/// Where the longest run of zeros is, the first of them if there are several. One zero alone is no run.
fn longest_zeros(words: &[u16; 8]) -> core::ops::Range<usize> {
    let mut longest = 0..0;
    let mut longest_length = 1;
    let mut start = 0;
    for (index, &word) in words.iter().enumerate() {
        let end = index.wrapping_add(1);
        if word != 0 {
            start = end;
        }
        let length = end.wrapping_sub(start);
        if length > longest_length {
            longest_length = length;
            longest = start..end;
        }
    }
    longest
}

/// Without leading zeros.
fn write_hexadecimal(word: u16, writer: &mut Writer<'_>) {
    for &shift in &[12, 8, 4, 0] {
        let left = word >> shift;
        if left != 0 || shift == 0 {
            let [_, low] = left.to_be_bytes();
            writer.raw(&[hexadecimal_digit(low & 0xF)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address_text(address: IpAddr) -> String {
        let mut buffer = [0; 64];
        let mut writer = Writer::new(&mut buffer, 0);
        write_address(address, &mut writer);
        let length = writer.len();
        str::from_utf8(&buffer[..length]).unwrap().into()
    }

    /// As the standard library writes it, but for `::1.2.3.4`, which it does not write so.
    fn expected(address: Ipv6Addr) -> String {
        match address.segments() {
            [0, 0, 0, 0, 0, 0, high, low] if high != 0 => {
                format!("::{}", Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
            }
            _ => address.to_string(),
        }
    }

    #[test]
    fn addresses_are_those_of_the_standard_library() {
        let mut state = 0x853c_49e6_748f_ea9b_u64;
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        for pattern in 0_u32..256 {
            // Each pattern of zeros, with words of each length.
            for _ in 0..200 {
                let words: [u16; 8] = core::array::from_fn(|index| {
                    let word = u16::try_from(random() & 0xFFFF).unwrap() >> (random() % 16);
                    if pattern >> index & 1 == 0 { 0 } else { word.max(1) }
                });
                let address = Ipv6Addr::from(words);
                assert_eq!(address_text(address.into()), expected(address), "{words:x?}");
            }
        }
        for _ in 0..1000 {
            let [a, b, c, d, ..] = random().to_le_bytes();
            for address in [Ipv4Addr::new(a, b, c, d), Ipv4Addr::new(0, b, 255, 0)] {
                assert_eq!(address_text(address.into()), address.to_string());
                let mapped = address.to_ipv6_mapped();
                assert_eq!(address_text(mapped.into()), mapped.to_string());
            }
        }
        for text in ["::", "::1", "1::", "::ffff:0.0.0.0", "::1.2.3.4", "::0.1.0.0", "::ffff", "fe80::1:0:0:1"] {
            assert_eq!(address_text(IpAddr::V6(text.parse().unwrap())), text);
        }
    }
}
