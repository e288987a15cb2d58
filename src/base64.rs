//! Base64 in pieces. What lies between the pieces is carried; blocks of eight characters go through one register, because
//! file transfers spend their time on them: base64ct takes several times as long where code is compiled to be small, and
//! does the rest.
//!
//! The text is RFC 4648's with padding. Line feeds are passed over anywhere. Several padded texts may follow each other.
//! Other than qemu-ga, which drops it, an unpadded last group of two or three characters is decoded; a single character
//! left over, and padding where none can stand, are refused.

use base64ct::{Base64, Base64Unpadded, Encoding};

use crate::bytes::put;
use crate::lanes;

/// The text is not base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invalid;

/// Four characters of base64 stand for three bytes.
const GROUP: usize = 4;

/// Decodes a text that arrives in pieces of any size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decoder {
    carry: [u8; GROUP],
    carried: u8,
}

impl Decoder {
    /// A decoder at the start of a text.
    pub const fn new() -> Self {
        Decoder { carry: [0; GROUP], carried: 0 }
    }

    /// Decodes as much of `text` as `output` has room for. Answers how many characters were used and how many bytes
    /// were written. `output` must have room for three bytes, or nothing moves; all of `text` is used once
    /// `output` has three bytes for each four characters begun.
    pub fn decode(&mut self, text: &[u8], output: &mut [u8]) -> Result<(usize, usize), Invalid> {
        let mut used = 0_usize;
        let mut written = 0_usize;
        while let Some(rest) = text.get(used..).filter(|rest| !rest.is_empty()) {
            let room = output.get_mut(written..).unwrap_or_default();
            if room.len() < 3 {
                break;
            }
            if self.carried == 0 {
                let blocks = decode_blocks(rest, room);
                if blocks > 0 {
                    used = used.saturating_add(blocks.saturating_mul(TEXT_BLOCK));
                    written = written.saturating_add(blocks.saturating_mul(BYTE_BLOCK));
                    continue;
                }
            }
            if let Some(&character) = rest.first() {
                used = used.saturating_add(1);
                written = written.saturating_add(self.character(character, room)?);
            }
        }
        Ok((used, written))
    }

    /// The end of the text: decodes what is left of it, two bytes at most.
    pub fn finish(&mut self, output: &mut [u8]) -> Result<usize, Invalid> {
        match self.carried {
            0 => Ok(0),
            1 => Err(Invalid),
            _ => self.flush(output),
        }
    }

    /// Takes one character; a complete group is decoded into `room`, which has three bytes at least.
    #[inline(never)] // smaller so
    fn character(&mut self, character: u8, room: &mut [u8]) -> Result<usize, Invalid> {
        let padded = self.carry.get(2) == Some(&b'=') && self.carried == 3;
        match character {
            b'\n' => return Ok(0),
            b'=' if self.carried < 2 => return Err(Invalid),
            b'=' => {}
            _ if padded || !is_base64(character) => return Err(Invalid),
            _ => {}
        }
        if let Some(slot) = self.carry.get_mut(usize::from(self.carried)) {
            *slot = character;
        }
        self.carried = self.carried.saturating_add(1);
        if usize::from(self.carried) < GROUP { Ok(0) } else { self.flush(room) }
    }

    /// Decodes the group at hand, padded or short.
    fn flush(&mut self, room: &mut [u8]) -> Result<usize, Invalid> {
        let group = self.carry.get(..usize::from(self.carried)).unwrap_or_default();
        let length = group.iter().position(|&character| character == b'=').unwrap_or(group.len());
        // The bits behind the last whole byte mean nothing. base64ct wants them to be zero, so the group is filled up.
        let mut whole = [b'A'; GROUP];
        for (to, &from) in whole.iter_mut().zip(group.iter().take(length)) {
            *to = from;
        }
        let bytes = decode_group(whole).ok_or(Invalid)?;
        let count = length.saturating_sub(1);
        let written = put(room, 0, bytes.get(..count).unwrap_or_default()).ok_or(Invalid)?;
        self.carried = 0;
        Ok(written)
    }
}

/// Decodes a whole text. Answers how many bytes it comes to, and these, if `output` has room for three more. Else what is in it
/// means nothing.
///
/// # Errors
/// It is not base64, or there is not even room for three bytes.
#[inline(never)] // smaller so
pub fn decode<'o>(text: &[u8], output: &'o mut [u8]) -> Result<(usize, Option<&'o [u8]>), Invalid> {
    let mut decoder = Decoder::new();
    let mut rest = text;
    let mut length = 0_usize;
    while !rest.is_empty() {
        // What does not fit is put over what did, for it is only to be counted.
        let (used, count) = decoder.decode(rest, output)?;
        rest = rest.get(used..).filter(|_| used > 0).ok_or(Invalid)?;
        length = length.saturating_add(count);
    }
    let end = length.saturating_add(3);
    let last = match output.get_mut(length..end) {
        Some(last) => last,
        None => &mut [0; 3],
    };
    length = length.saturating_add(decoder.finish(last)?);
    Ok((length, output.get(..end).and_then(|_| output.get(..length))))
}

/// A block of text, and the bytes it stands for.
const TEXT_BLOCK: usize = 8;
const BYTE_BLOCK: usize = 6;

/// Decodes the blocks at the start of `text` that hold nothing but characters of base64, as far as `room` goes. Answers how
/// many it were.
#[inline(never)] // smaller so
fn decode_blocks(text: &[u8], room: &mut [u8]) -> usize {
    let (blocks, _) = text.as_chunks::<TEXT_BLOCK>();
    let (rooms, _) = room.as_chunks_mut::<BYTE_BLOCK>();
    let mut count = 0_usize;
    for (&block, room) in blocks.iter().zip(rooms) {
        let Some(bytes) = decode_block(block) else { break };
        *room = bytes;
        count = count.saturating_add(1);
    }
    count
}

fn decode_block(block: [u8; TEXT_BLOCK]) -> Option<[u8; BYTE_BLOCK]> {
    let text = u64::from_le_bytes(block);
    if text & lanes::HIGH != 0 {
        return None;
    }
    let between = |first: u8, behind: u64| lanes::at_least(text, first.into()) & !lanes::at_least(text, behind);
    let upper = between(b'A', 0x5B);
    let lower = between(b'a', 0x7B);
    let digit = between(b'0', 0x3A);
    let plus = lanes::equal(text, 0x2B);
    let slash = lanes::equal(text, 0x2F);
    if upper | lower | digit | plus | slash != lanes::HIGH {
        return None;
    }
    // Each lane is in one range. The differences leave it between 0 and 63.
    let times = |marks: u64, factor: u64| (marks >> 7).wrapping_mul(factor);
    let digits = text
        .wrapping_sub(times(upper, 65))
        .wrapping_sub(times(lower, 71))
        .wrapping_add(times(digit, 4))
        .wrapping_add(times(plus, 19))
        .wrapping_add(times(slash, 16));
    // Pairs of digits, then pairs of pairs, move together.
    let digits = digits.swap_bytes();
    let twelve = (digits >> 2 & 0x0FC0_0FC0_0FC0_0FC0) | (digits & 0x003F_003F_003F_003F);
    let twenty_four = (twelve >> 4 & 0x00FF_F000_00FF_F000) | (twelve & 0x0000_0FFF_0000_0FFF);
    let bits = (twenty_four >> 8 & 0xFFFF_FF00_0000) | (twenty_four & 0xFF_FFFF);
    let [_, _, bytes @ ..] = bits.to_be_bytes();
    Some(bytes)
}

#[inline(never)] // smaller so
fn encode_block(block: [u8; BYTE_BLOCK]) -> [u8; TEXT_BLOCK] {
    let [first, second, third, fourth, fifth, sixth] = block;
    let bits = u64::from_be_bytes([0, 0, first, second, third, fourth, fifth, sixth]);
    let twenty_four = (bits << 8 & 0x00FF_FFFF_0000_0000) | (bits & 0x00FF_FFFF);
    let twelve = (twenty_four << 4 & 0x0FFF_0000_0FFF_0000) | (twenty_four & 0x0000_0FFF_0000_0FFF);
    let digits = (twelve << 2 & 0x3F00_3F00_3F00_3F00) | (twelve & 0x003F_003F_003F_003F);
    // From each limit on, the characters lie elsewhere: a behind Z, 0 before A, + and / before 0.
    let times = |least: u64, factor: u64| (lanes::at_least(digits, least) >> 7).wrapping_mul(factor);
    let text = digits
        .wrapping_add(lanes::all(65))
        .wrapping_add(times(26, 6))
        .wrapping_sub(times(52, 75))
        .wrapping_sub(times(62, 15))
        .wrapping_add(times(63, 3));
    text.to_be_bytes()
}

const fn is_base64(character: u8) -> bool {
    matches!(character, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/')
}

/// Encodes as many whole groups of `bytes` as `output` has room for; with `last`, the padded rest as well. Answers how
/// many bytes were used and how many characters were written.
pub fn encode(bytes: &[u8], last: bool, output: &mut [u8]) -> (usize, usize) {
    let fits = (output.len() / GROUP).saturating_mul(3);
    let whole = bytes.len().saturating_sub(if last { 0 } else { bytes.len() % 3 });
    let used = if whole <= fits { whole } else { fits };
    let Some(input) = bytes.get(..used) else { return (0, 0) };
    let (blocks, rest) = input.as_chunks::<BYTE_BLOCK>();
    let mut written = 0_usize;
    for (&block, room) in blocks.iter().zip(output.as_chunks_mut::<TEXT_BLOCK>().0) {
        *room = encode_block(block);
        written = written.saturating_add(TEXT_BLOCK);
    }
    (used, written.saturating_add(encode_rest(rest, output.get_mut(written..).unwrap_or_default())))
}

/// Decodes four characters, none of which pads.
#[inline(never)] // smaller so
fn decode_group(group: [u8; GROUP]) -> Option<[u8; 3]> {
    let mut bytes = [0; 3];
    Base64Unpadded::decode(group, &mut bytes).is_ok().then_some(bytes)
}

/// Encodes less than a block, padded; answers how many characters it is.
fn encode_rest(bytes: &[u8], output: &mut [u8]) -> usize {
    let mut written = 0_usize;
    let mut rest = bytes;
    while !rest.is_empty() {
        let mut group = [0; 3];
        let mut padding = GROUP;
        for (to, &from) in group.iter_mut().zip(rest) {
            *to = from;
            padding = padding.wrapping_sub(1);
        }
        let mut text = encode_group(group);
        for character in text.iter_mut().rev().take(padding.wrapping_sub(1)) {
            *character = b'=';
        }
        let Some(end) = put(output, written, &text) else { break };
        written = end;
        rest = rest.get(group.len()..).unwrap_or_default();
    }
    written
}

/// Encodes three bytes.
#[inline(never)] // smaller so
fn encode_group(group: [u8; 3]) -> [u8; GROUP] {
    let mut text = [0; GROUP];
    // There is room for them.
    let _ = Base64::encode(&group, &mut text);
    text
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::as_conversions)]
mod tests {
    use super::*;

    /// Decodes in two pieces, with little room at a time.
    fn decode(text: &[u8], split: usize, room: usize) -> Result<Vec<u8>, Invalid> {
        let mut decoder = Decoder::new();
        let mut decoded = Vec::new();
        let mut output = vec![0; room];
        for mut piece in [&text[..split], &text[split..]] {
            while !piece.is_empty() {
                let (used, written) = decoder.decode(piece, &mut output)?;
                assert!(used > 0, "no progress");
                decoded.extend_from_slice(&output[..written]);
                piece = &piece[used..];
            }
        }
        let written = decoder.finish(&mut output)?;
        decoded.extend_from_slice(&output[..written]);
        Ok(decoded)
    }

    fn naive_encode(bytes: &[u8]) -> Vec<u8> {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = Vec::new();
        for group in bytes.chunks(3) {
            let bits = group.iter().fold(0_u32, |bits, &byte| bits << 8 | u32::from(byte)) << (8 * (3 - group.len()));
            for index in 0..4 {
                let digit = (bits >> (18 - 6 * index)) & 63;
                text.push(if index <= group.len() { ALPHABET[digit as usize] } else { b'=' });
            }
        }
        text
    }

    fn sample(length: usize) -> Vec<u8> {
        (0..length).map(|index| (index * 167 + 13) as u8).collect()
    }

    #[test]
    fn each_character_has_its_value_in_each_place_of_a_block() {
        for place in 0..8 {
            for character in 0..=u8::MAX {
                for around in [b'A', b'/', b'z'] {
                    let mut text = [around; 8];
                    text[place] = character;
                    let mut decoded = [0; 6];
                    let expected = Base64Unpadded::decode(text, &mut decoded).is_ok().then_some(decoded);
                    assert_eq!(decode_block(text), expected, "{text:?}");
                    if let Some(bytes) = expected {
                        assert_eq!(encode_block(bytes), text);
                    }
                }
            }
        }
    }

    #[test]
    fn every_length_split_and_room_decodes() {
        for length in 0..40 {
            let bytes = sample(length);
            let text = naive_encode(&bytes);
            let mut wrapped = text.clone();
            for at in (0..=text.len()).rev().step_by(5) {
                wrapped.insert(at, b'\n');
            }
            for text in [text, wrapped] {
                for split in 0..=text.len() {
                    for room in [3, 4, 7, 64] {
                        assert_eq!(decode(&text, split, room).as_deref(), Ok(&bytes[..]));
                    }
                }
                for room in 3..text.len() + 9 {
                    let mut output = vec![0; room];
                    let (found, whole) = super::decode(&text, &mut output).unwrap();
                    assert_eq!(found, length, "{room}");
                    assert!(whole.map_or(room < length + 6, |whole| whole == bytes), "{length} {room}");
                }
            }
        }
    }

    #[test]
    fn encodes_as_the_naive_encoder_in_any_pieces() {
        for length in 0..40 {
            let bytes = sample(length);
            for room in [4, 7, 12, 64] {
                let mut text = Vec::new();
                let mut rest = &bytes[..];
                loop {
                    let mut output = vec![0; room];
                    let (used, written) = encode(rest, true, &mut output);
                    text.extend_from_slice(&output[..written]);
                    rest = &rest[used..];
                    if rest.is_empty() {
                        break;
                    }
                    assert!(used > 0, "no progress");
                }
                assert_eq!(text, naive_encode(&bytes));
            }
        }
    }

    #[test]
    fn unusual_texts() {
        for (text, bytes) in [
            (&b"QUJ"[..], Ok(&b"AB"[..])),
            (b"QQ", Ok(b"A")),
            (b"QQ=", Ok(b"A")),
            (b"QUI=QUJD", Ok(b"ABABC")),
            (b"QQ==QQ==", Ok(b"AA")),
            (b"QR==", Ok(b"A")),
            (b"\n\n", Ok(b"")),
            (b"Q", Err(Invalid)),
            (b"====", Err(Invalid)),
            (b"Q===", Err(Invalid)),
            (b"QQ=Q", Err(Invalid)),
            (b"QQ= ", Err(Invalid)),
            (b"QU JD", Err(Invalid)),
            (b"QUJD\r", Err(Invalid)),
            (b"QUJ\xFF", Err(Invalid)),
        ] {
            for split in 0..=text.len() {
                assert_eq!(decode(text, split, 3), bytes.map(<[u8]>::to_vec), "{text:?}");
            }
            assert_eq!(super::decode(text, &mut [0; 16]), bytes.map(|bytes| (bytes.len(), Some(bytes))));
            assert_eq!(super::decode(text, &mut [0; 3]).map(|(length, _)| length), bytes.map(<[u8]>::len));
        }
    }
}
