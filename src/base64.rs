//! Base64 in pieces: base64ct decodes and encodes whole blocks, this module carries what lies between them.
//!
//! The text is RFC 4648's with padding. Line feeds are passed over anywhere. Several padded texts may follow each other.
//! Other than qemu-ga, which drops it, an unpadded last group of two or three characters is decoded; a single character
//! left over, and padding where none can stand, are refused.

use base64ct::{Base64Unpadded, Encoding};

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
                let whole = whole_groups(rest, room.len());
                if let Some(groups) = rest.get(..whole).filter(|groups| !groups.is_empty()) {
                    let decoded = Base64Unpadded::decode(groups, room).map_err(|_| Invalid)?.len();
                    used = used.saturating_add(whole);
                    written = written.saturating_add(decoded);
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
        let mut bytes = [0_u8; 3];
        Base64Unpadded::decode(whole, &mut bytes).map_err(|_| Invalid)?;
        let count = length.saturating_sub(1);
        let (Some(to), Some(from)) = (room.get_mut(..count), bytes.get(..count)) else { return Err(Invalid) };
        to.copy_from_slice(from);
        self.carried = 0;
        Ok(count)
    }
}

/// How many bytes `text` decodes to; an error if it is not base64.
pub fn decoded_length(text: impl Iterator<Item = u8>) -> Result<u64, Invalid> {
    let mut decoder = Decoder::new();
    let mut group = [0_u8; 3];
    let mut length = 0_u64;
    for character in text {
        let count = decoder.character(character, &mut group)?;
        length = length.saturating_add(u64::try_from(count).unwrap_or(0));
    }
    let count = decoder.finish(&mut group)?;
    Ok(length.saturating_add(u64::try_from(count).unwrap_or(0)))
}

/// The longest start of `text` that consists of whole groups without padding and line feeds and decodes to no more than
/// `room` bytes.
fn whole_groups(text: &[u8], room: usize) -> usize {
    let fits = (room / 3).saturating_mul(GROUP).min(text.len());
    let plain = text.get(..fits).unwrap_or_default();
    let end = plain.iter().position(|&character| matches!(character, b'=' | b'\n')).unwrap_or(plain.len());
    end.saturating_sub(end % GROUP)
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
    match base64ct::Base64::encode(input, output) {
        Ok(text) => (used, text.len()),
        Err(_) => (0, 0),
    }
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
                assert_eq!(decoded_length(text.iter().copied()), Ok(length as u64));
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
            assert_eq!(decoded_length(text.iter().copied()), bytes.map(|bytes| bytes.len() as u64));
        }
    }
}
