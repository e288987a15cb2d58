//! The inside of a JSON string, a byte at a time: escapes, surrogate pairs and UTF-8, resumable anywhere.

use super::utf8;
use crate::lanes;

/// Why a string that lexes fails its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadText {
    /// A backslash before something that is no escape.
    Escape,
    /// `\uXXXX` that is not hexadecimal, half a surrogate pair, or a noncharacter.
    Unicode,
    /// Bytes that are not UTF-8, or encode a surrogate or noncharacter.
    Utf8,
}

/// One decoded character, as UTF-8. U+0000 is the byte 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Character {
    bytes: [u8; 4],
    length: u8,
}

impl Character {
    fn ascii(byte: u8) -> Self {
        Character { bytes: [byte, 0, 0, 0], length: 1 }
    }

    fn of(code: u32) -> Option<Self> {
        let character = if utf8::is_character(code) { char::from_u32(code)? } else { return None };
        let mut bytes = [0; 4];
        let length = character.encode_utf8(&mut bytes).len();
        Some(Character { bytes, length: u8::try_from(length).ok()? })
    }

    /// The bytes of the character: one to four.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }
}

/// What a byte of a string came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextStep {
    /// Nothing yet.
    Nothing,
    /// A character is complete.
    Character(Character),
    /// The string is bad; the byte was used.
    Bad(BadText),
    /// The string is bad; the byte was not used and must be given again.
    Again(BadText),
    /// The closing quote.
    End,
    /// The byte can not stand in a string at all.
    Stray,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escape {
    None,
    Backslash,
    /// `left` digits of a `\u` are to come.
    Hex {
        left: u8,
    },
    /// A leading surrogate came; only `\uXXXX` with a trailing one makes it a character.
    Leading,
    LeadingBackslash,
}

/// The state inside one string.
#[derive(Debug)]
pub struct TextMachine {
    quote: u8,
    escape: Escape,
    code: u32,
    /// The leading surrogate that waits for its trailing one; 0 if none does.
    leading: u32,
    /// The string is bad: only its end is looked for.
    is_bad: bool,
    /// How many more bytes the complaint about a bad `\uXXXX` quotes.
    complaint_left: u8,
    /// The escape as typed, for the complaint; of a pair both halves.
    typed: [u8; 12],
    typed_length: u8,
    utf8_left: u8,
    utf8_length: u8,
    utf8_least: u32,
}

impl TextMachine {
    /// The state after an opening quote.
    pub const fn new(quote: u8) -> Self {
        TextMachine {
            quote,
            escape: Escape::None,
            code: 0,
            leading: 0,
            is_bad: false,
            complaint_left: 0,
            typed: [0; 12],
            typed_length: 0,
            utf8_left: 0,
            utf8_length: 0,
            utf8_least: 0,
        }
    }

    /// Whether a run of plain bytes may be taken as it is here.
    pub fn is_plain(&self) -> bool {
        self.escape == Escape::None && self.utf8_left == 0 && self.complaint_left == 0
    }

    /// Whether `byte`, where a plain one may be taken, ends the string.
    pub fn is_end(&self, byte: u8) -> bool {
        byte == self.quote
    }

    /// The `\uXXXX` that was refused, as typed.
    pub fn bad_unicode(&self) -> &[u8] {
        self.typed.get(..usize::from(self.typed_length)).unwrap_or_default()
    }

    /// Takes the next byte of the string.
    #[inline(never)] // smaller so
    pub fn step(&mut self, byte: u8) -> TextStep {
        if !(0x20..0xFE).contains(&byte) {
            return TextStep::Stray;
        }
        let step = if self.is_bad { self.look_for_end(byte) } else { self.lex(byte) };
        if let TextStep::Bad(_) | TextStep::Again(_) = step {
            self.is_bad = true;
        }
        step
    }

    #[inline(never)] // smaller so
    fn lex(&mut self, byte: u8) -> TextStep {
        if self.utf8_left > 0 {
            return self.continuation(byte);
        }
        match self.escape {
            Escape::None => self.ordinary(byte),
            Escape::Backslash => self.escaped(byte),
            Escape::Hex { left } => self.hex(left, byte),
            Escape::Leading if byte == b'\\' => {
                self.escape = Escape::LeadingBackslash;
                TextStep::Nothing
            }
            Escape::Leading => {
                self.escape = Escape::None;
                TextStep::Again(BadText::Unicode)
            }
            Escape::LeadingBackslash if byte == b'u' => {
                self.begin_hex(byte);
                TextStep::Nothing
            }
            Escape::LeadingBackslash => {
                self.escape = Escape::Backslash;
                TextStep::Again(BadText::Unicode)
            }
        }
    }

    /// In a bad string only backslashes and the closing quote matter. A complaint about a bad `\uXXXX` goes on quoting
    /// the bytes behind the `u`, whatever they are, as far as the string goes.
    fn look_for_end(&mut self, byte: u8) -> TextStep {
        let ends = self.escape == Escape::None && byte == self.quote;
        let complains = self.complaint_left > 0;
        if complains {
            self.quote_in_complaint(byte);
            self.complaint_left = if ends { 0 } else { self.complaint_left.saturating_sub(1) };
            if ends {
                // The byte is given again once the complaint is made.
                return TextStep::Again(BadText::Unicode);
            }
        }
        self.escape = match self.escape {
            Escape::None if byte == b'\\' => Escape::Backslash,
            _ => Escape::None,
        };
        match (ends, complains && self.complaint_left == 0) {
            (true, _) => TextStep::End,
            (false, true) => TextStep::Bad(BadText::Unicode),
            (false, false) => TextStep::Nothing,
        }
    }

    fn quote_in_complaint(&mut self, byte: u8) {
        if let Some(slot) = self.typed.get_mut(usize::from(self.typed_length)) {
            *slot = byte;
            self.typed_length = self.typed_length.saturating_add(1);
        }
    }

    /// A `\u` begins.
    fn begin_hex(&mut self, byte: u8) {
        self.escape = Escape::Hex { left: 4 };
        self.code = 0;
        self.quote_in_complaint(b'\\');
        self.quote_in_complaint(byte);
    }

    fn ordinary(&mut self, byte: u8) -> TextStep {
        match byte {
            b'\\' => {
                self.escape = Escape::Backslash;
                TextStep::Nothing
            }
            _ if byte == self.quote => TextStep::End,
            0..=0x7F => TextStep::Character(Character::ascii(byte)),
            _ => match utf8::lead(byte) {
                Some((left, code, least)) => {
                    self.utf8_left = left;
                    self.utf8_length = left.saturating_add(1);
                    self.utf8_least = least;
                    self.code = code;
                    TextStep::Nothing
                }
                None => TextStep::Bad(BadText::Utf8),
            },
        }
    }

    fn continuation(&mut self, byte: u8) -> TextStep {
        if !utf8::is_continuation(byte) {
            self.utf8_left = 0;
            return TextStep::Again(BadText::Utf8);
        }
        self.code = utf8::extend(self.code, byte);
        self.utf8_left = self.utf8_left.saturating_sub(1);
        if self.utf8_left > 0 {
            return TextStep::Nothing;
        }
        match utf8::complete(self.code, self.utf8_least, self.utf8_length).and_then(Character::of) {
            Some(character) => TextStep::Character(character),
            None => TextStep::Bad(BadText::Utf8),
        }
    }

    fn escaped(&mut self, byte: u8) -> TextStep {
        self.escape = Escape::None;
        let plain = match byte {
            b'"' | b'\'' | b'\\' | b'/' => byte,
            b'b' => 0x08,
            b'f' => 0x0C,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                self.leading = 0;
                self.typed_length = 0;
                self.begin_hex(byte);
                return TextStep::Nothing;
            }
            _ => return TextStep::Bad(BadText::Escape),
        };
        TextStep::Character(Character::ascii(plain))
    }

    fn hex(&mut self, left: u8, byte: u8) -> TextStep {
        let Some(digit) = char::from(byte).to_digit(16) else {
            self.escape = Escape::None;
            self.is_bad = true;
            if self.leading != 0 {
                // The message quotes the leading surrogate alone.
                self.typed_length = self.typed_length.min(6);
                return TextStep::Again(BadText::Unicode);
            }
            self.complaint_left = left;
            return self.look_for_end(byte);
        };
        self.quote_in_complaint(byte);
        self.code = (self.code << 4) | digit;
        let left = left.saturating_sub(1);
        self.escape = if left > 0 { Escape::Hex { left } } else { Escape::None };
        if left > 0 { TextStep::Nothing } else { self.code_unit() }
    }

    /// Four digits are there: a character, the first half of one, or neither.
    fn code_unit(&mut self) -> TextStep {
        let code = match (self.leading, self.code) {
            (0, 0xD800..=0xDBFF) => {
                self.leading = self.code;
                self.escape = Escape::Leading;
                return TextStep::Nothing;
            }
            (0, code) => Some(code),
            (leading, trailing @ 0xDC00..=0xDFFF) => Some(surrogates(leading, trailing)),
            _ => {
                self.typed_length = self.typed_length.min(6);
                None
            }
        };
        match code.and_then(Character::of) {
            Some(character) => TextStep::Character(character),
            None => TextStep::Bad(BadText::Unicode),
        }
    }
}

fn surrogates(leading: u32, trailing: u32) -> u32 {
    ((leading & 0x3FF) << 10 | (trailing & 0x3FF)).saturating_add(0x1_0000)
}

/// How many bytes at the start of `input` stand for themselves in any string, read or written: printable ASCII but quotes and
/// backslash.
#[inline(never)] // what it needs in registers is nobody else's business
pub fn plain_run(input: &[u8]) -> usize {
    let mut rest = input;
    let mut length = 0_usize;
    loop {
        let block = match rest.first_chunk::<8>() {
            Some(&block) => u64::from_le_bytes(block),
            // What fills up the last block is special.
            None => rest.iter().rev().fold(0, |block, &byte| block << 8 | u64::from(byte)),
        };
        let plain = lanes::clear_lanes(special(block));
        length = length.wrapping_add(plain);
        if plain < 8 {
            return length;
        }
        rest = rest.get(8..).unwrap_or_default();
    }
}

/// How many bytes at the start of `text` are neither `"` nor backslash: in canonical form, what ends a text or is escaped.
pub fn unescaped(text: &[u8]) -> usize {
    let ends = |byte| matches!(byte, b'"' | b'\\');
    let (blocks, _) = text.as_chunks::<8>();
    let mut length = 0_usize;
    for &block in blocks {
        let block = u64::from_le_bytes(block);
        if lanes::has_zero(block ^ lanes::all(0x22)) || lanes::has_zero(block ^ lanes::all(0x5C)) {
            break;
        }
        length = length.saturating_add(8);
    }
    let rest = text.get(length..).unwrap_or_default();
    length.saturating_add(rest.iter().position(|&byte| ends(byte)).unwrap_or(rest.len()))
}

/// The highest bit of each lane that is control, quote, backslash or beyond ASCII.
#[inline(always)] // it is what the loop does
fn special(block: u64) -> u64 {
    let low = block & !lanes::HIGH;
    let quotes = lanes::equal(low, 0x22) | lanes::equal(low, 0x27);
    let controls = !lanes::at_least(low, 0x20) & lanes::HIGH | lanes::at_least(low, 0x7F);
    (block & lanes::HIGH) | quotes | lanes::equal(low, 0x5C) | controls
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    #[test]
    fn the_first_quote_or_backslash_is_found_at_any_place() {
        let text: Vec<u8> = (0..=u8::MAX).filter(|byte| !matches!(byte, b'"' | b'\\')).collect();
        assert_eq!(unescaped(&text), text.len());
        for length in 0..text.len() {
            assert_eq!(unescaped(&text[..length]), length);
            for end in *b"\"\\" {
                let mut ended = text.clone();
                ended[length] = end;
                assert_eq!(unescaped(&ended), length);
            }
        }
    }

    /// Steps through the inside of a string: what it decodes to, or the first complaint.
    fn decode(inside: &[u8]) -> Result<Vec<u8>, (BadText, Vec<u8>)> {
        let mut machine = TextMachine::new(b'"');
        let mut decoded = Vec::new();
        let mut at = 0;
        loop {
            match machine.step(inside[at]) {
                TextStep::Nothing => {}
                TextStep::Character(character) => decoded.extend_from_slice(character.as_bytes()),
                TextStep::Bad(bad) | TextStep::Again(bad) => return Err((bad, machine.bad_unicode().to_vec())),
                TextStep::End => return Ok(decoded),
                TextStep::Stray => panic!("stray byte {:X}", inside[at]),
            }
            at += 1;
        }
    }

    #[test]
    fn escapes_decode() {
        for (typed, decoded) in [
            (&b"a\\\\b\\\"\\'\\/\\b\\f\\n\\r\\t\""[..], &b"a\\b\"'/\x08\x0C\n\r\t"[..]),
            (b"\\u0041\\u00e9\\u20AC\"", "A\u{e9}\u{20ac}".as_bytes()),
            (b"\\uD83D\\uDE00\"", "\u{1F600}".as_bytes()),
            (b"\\u0000\xC0\x80\"", b"\0\0"),
        ] {
            assert_eq!(decode(typed).as_deref(), Ok(decoded));
        }
    }

    #[test]
    fn bad_escapes_are_quoted_as_typed() {
        for (typed, bad, quoted) in [
            (&b"\\q\""[..], BadText::Escape, &b""[..]),
            (b"\\uD83D\"", BadText::Unicode, b"\\uD83D"),
            (b"\\uD83Dx\"", BadText::Unicode, b"\\uD83D"),
            (b"\\uD83D\\n\"", BadText::Unicode, b"\\uD83D"),
            (b"\\uD83D\\u0041\"", BadText::Unicode, b"\\uD83D"),
            (b"\\uDE00\"", BadText::Unicode, b"\\uDE00"),
            (b"\\uFFFF\"", BadText::Unicode, b"\\uFFFF"),
            (b"\\u12\"", BadText::Unicode, b"\\u12\""),
            (b"\\u12zz\"", BadText::Unicode, b"\\u12zz"),
            (b"\\u12\\n\"", BadText::Unicode, b"\\u12\\n"),
            (b"\\u12\\\"x\"", BadText::Unicode, b"\\u12\\\""),
            (b"\\u20\xE2\"", BadText::Unicode, b"\\u20\xE2\""),
            (b"\\u\\u20ac\"", BadText::Unicode, b"\\u\\u20"),
            (b"\\u2\\u20ac\"", BadText::Unicode, b"\\u2\\u2"),
            (b"\\uDBFF\\uDFFF\"", BadText::Unicode, b"\\uDBFF\\uDFFF"),
            (b"\xC3(\"", BadText::Utf8, b""),
            (b"\x80\"", BadText::Utf8, b""),
            (b"\xED\xA0\x80\"", BadText::Utf8, b""),
        ] {
            assert_eq!(decode(typed), Err((bad, quoted.to_vec())), "{typed:?}");
        }
    }

    #[test]
    fn plain_runs_end_where_the_naive_scan_ends() {
        let mut input = [b'a'; 100];
        for at in 0..100 {
            for byte in 0..=u8::MAX {
                input[at] = byte;
                let is_plain = (0x20..0x7F).contains(&byte) && !b"\"'\\".contains(&byte);
                assert_eq!(plain_run(&input), if is_plain { 100 } else { at }, "{byte:X} at {at}");
                assert_eq!(plain_run(&input[..=at]), if is_plain { at + 1 } else { at }, "{byte:X} at {at}");
            }
            input[at] = b'~';
        }
    }
}
