//! UTF-8 as QEMU reads and writes it: U+0000 may be written as C0 80, noncharacters are refused.

/// Which code points QEMU takes for characters: all but surrogates and noncharacters (U+FDD0 to U+FDEF and the last two
/// of each plane).
pub const fn is_character(code: u32) -> bool {
    code <= 0x10_FFFF && !matches!(code, 0xD800..=0xDFFF | 0xFDD0..=0xFDEF) && code & 0xFFFE != 0xFFFE
}

/// How many continuation bytes a lead byte announces, the bits it carries, and the least code point of that length.
/// `None` for bytes that lead nothing. Lengths of five and six are known so that a malformed sequence is skipped whole.
pub fn lead(byte: u8) -> Option<(u8, u32, u32)> {
    match byte {
        0xC0..=0xDF => Some((1, u32::from(byte & 0x1F), 0x80)),
        0xE0..=0xEF => Some((2, u32::from(byte & 0x0F), 0x800)),
        0xF0..=0xF7 => Some((3, u32::from(byte & 0x07), 0x1_0000)),
        0xF8..=0xFB => Some((4, u32::from(byte & 0x03), 0x20_0000)),
        0xFC..=0xFD => Some((5, u32::from(byte & 0x01), 0x400_0000)),
        _ => None,
    }
}

/// Whether `byte` continues a sequence.
pub const fn is_continuation(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}

/// Adds the bits of a continuation byte to a code point.
pub fn extend(code: u32, continuation: u8) -> u32 {
    (code << 6) | u32::from(continuation & 0x3F)
}

/// Checks a whole sequence: the code point, or `None` when it was overlong or is no character. The one overlong form
/// taken is C0 80, U+0000.
pub const fn complete(code: u32, least: u32, length: u8) -> Option<u32> {
    if (code >= least || (code == 0 && length == 2)) && is_character(code) { Some(code) } else { None }
}

/// The first character of `bytes`, `None` if it is malformed, and how many bytes it takes (at least one; a malformed
/// sequence counts as one piece, up to where its continuation bytes end).
pub fn next(bytes: &[u8]) -> (Option<u32>, usize) {
    let Some((&first, rest)) = bytes.split_first() else { return (None, 0) };
    if first < 0x80 {
        return (Some(u32::from(first)), 1);
    }
    let Some((announced, mut code, least)) = lead(first) else { return (None, 1) };
    let mut length = 1_u8;
    for &byte in rest.iter().take(usize::from(announced)).take_while(|&&byte| is_continuation(byte)) {
        code = extend(code, byte);
        length = length.saturating_add(1);
    }
    let whole = length == announced.saturating_add(1);
    (if whole { complete(code, least, length) } else { None }, usize::from(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_decodes_to_itself() {
        for character in '\u{1}'..=char::MAX {
            let mut buffer = [0; 4];
            let bytes = character.encode_utf8(&mut buffer).as_bytes();
            let code = u32::from(character);
            let expected = if is_character(code) { Some(code) } else { None };
            assert_eq!(next(bytes), (expected, bytes.len()), "{code:X}");
        }
    }

    #[test]
    fn malformed_sequences_are_one_piece() {
        for (bytes, length) in [
            (&b"\x80"[..], 1),
            (b"\xFF", 1),
            (b"\xC3(", 1),
            (b"\xE2\x82", 2),
            (b"\xED\xA0\x80", 3),
            (b"\xC1\x81", 2),
            (b"\xEF\xBF\xBF", 3),
            (b"\xF8\x88\x80\x80\x80x", 5),
            (b"\xFC\x84\x80\x80\x80\x80x", 6),
            (b"\xF4\x90\x80\x80", 4),
        ] {
            assert_eq!(next(bytes), (None, length), "{bytes:X?}");
        }
        assert_eq!(next(b"\xC0\x80"), (Some(0), 2));
    }
}
