//! The only code that emits JSON: one line, pure ASCII, `, ` and `: ` as separators, as QEMU prints it.
//!
//! A [`Writer`] fills a slice and never grows. What does not fit is not written, and [`Writer::is_full`] tells so: the
//! agent then goes back to the last mark, sends what was complete, and writes the rest again into the emptied slice.

use super::text::plain_run;
use super::utf8;
use crate::bytes::{put, take_word};

/// A place in a [`Writer`], to go back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    length: usize,
}

/// Writes JSON into a slice.
#[derive(Debug)]
pub struct Writer<'o> {
    buffer: &'o mut [u8],
    length: usize,
    full: bool,
}

impl<'o> Writer<'o> {
    /// A writer that appends to the first `length` bytes of `buffer`.
    pub fn new(buffer: &'o mut [u8], length: usize) -> Self {
        let length = length.min(buffer.len());
        Writer { buffer, length, full: false }
    }

    /// How many bytes of the slice are filled.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether nothing is written.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// How many bytes are free.
    pub fn free(&self) -> usize {
        self.buffer.len().saturating_sub(self.length)
    }

    /// Whether something did not fit since the writer was made or rolled back.
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// The place reached.
    pub fn mark(&self) -> Mark {
        Mark { length: self.length }
    }

    /// Takes back all that was written since `mark`.
    #[inline(never)] // smaller so
    pub fn roll_back(&mut self, mark: Mark) {
        self.length = self.length.min(mark.length);
        self.full = false;
    }

    /// Bytes that are JSON already.
    pub fn raw(&mut self, bytes: &[u8]) {
        let end = if self.full { None } else { put(self.buffer, self.length, bytes) };
        match end {
            Some(end) => self.length = end,
            None => self.full = true,
        }
    }

    /// The free room, to be filled from outside; [`Writer::advance`] then takes its first bytes as JSON.
    pub fn room(&mut self) -> &mut [u8] {
        self.buffer.get_mut(self.length..).unwrap_or_default()
    }

    /// Takes `count` bytes of [`Writer::room`] as written.
    pub fn advance(&mut self, count: usize) {
        if count <= self.free() {
            self.length = self.length.saturating_add(count);
        } else {
            self.full = true;
        }
    }

    /// A string in quotes.
    pub fn text(&mut self, bytes: &[u8]) {
        self.raw(b"\"");
        self.escaped(bytes);
        self.raw(b"\"");
    }

    /// The inside of a string. What is not UTF-8 is replaced by U+FFFD.
    pub fn escaped(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (literal, special) = rest.split_at_checked(plain_run(rest)).unwrap_or_default();
            self.raw(literal);
            let (code, length) = utf8::next(special);
            if length > 0 {
                self.special(code.unwrap_or(0xFFFD));
            }
            rest = special.get(length..).unwrap_or_default();
        }
    }

    fn special(&mut self, code: u32) {
        let short = match code {
            // Only where it ends a string it would need an escape.
            0x27 => return self.raw(b"'"),
            0x22 => b"\\\"",
            0x5C => b"\\\\",
            0x08 => b"\\b",
            0x0C => b"\\f",
            0x0A => b"\\n",
            0x0D => b"\\r",
            0x09 => b"\\t",
            0..=0xFFFF => return self.code_unit(code),
            _ => {
                let offset = code.wrapping_sub(0x1_0000);
                self.code_unit(0xD800 | (offset >> 10));
                return self.code_unit(0xDC00 | (offset & 0x3FF));
            }
        };
        self.raw(short);
    }

    fn code_unit(&mut self, unit: u32) {
        let digit = |shift: u32| {
            let value = u8::try_from((unit >> shift) & 0xF).unwrap_or(0);
            if value < 10 { b'0'.wrapping_add(value) } else { b'A'.wrapping_add(value.wrapping_sub(10)) }
        };
        self.raw(&[b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]);
    }

    /// A signed number.
    pub fn integer(&mut self, value: i64) {
        if value < 0 {
            self.raw(b"-");
        }
        self.unsigned(value.unsigned_abs());
    }

    /// An unsigned number.
    pub fn unsigned(&mut self, value: u64) {
        let mut digits = [0_u8; 20];
        self.raw(decimal(value, &mut digits));
    }

    /// `true` or `false`.
    pub fn boolean(&mut self, value: bool) {
        self.raw(if value { b"true" } else { b"false" });
    }

    /// An object whose members `fill` writes.
    pub fn object(&mut self, fill: impl FnOnce(&mut Object<'_, 'o>)) {
        self.begin_object();
        fill(&mut Object { writer: self, first: true });
        self.end_object();
    }

    #[inline(never)] // for there are as many callers as objects
    fn begin_object(&mut self) {
        self.raw(b"{");
    }

    #[inline(never)] // smaller so
    fn end_object(&mut self) {
        self.raw(b"}");
    }
}

/// Writes the members of an object; see [`Writer::object`].
#[derive(Debug)]
pub struct Object<'w, 'o> {
    writer: &'w mut Writer<'o>,
    first: bool,
}

impl<'o> Object<'_, 'o> {
    /// Begins a member: the separator, its name and the colon. The value is to be written next. Names are ASCII and
    /// need no escape.
    pub fn member(&mut self, name: &str) -> &mut Writer<'o> {
        self.named(name.as_bytes())
    }

    /// As [`Object::member`], for a name that comes from a list of them.
    pub fn named(&mut self, name: &[u8]) -> &mut Writer<'o> {
        self.writer.raw(if self.first { b"\"" } else { b", \"" });
        self.first = false;
        self.writer.raw(name);
        self.writer.raw(b"\": ");
        self.writer
    }

    /// Members that are numbers, their names with single blanks between them.
    pub fn numbers(&mut self, names: &str, values: &[u64]) {
        let mut names = names.as_bytes();
        for value in values {
            self.named(take_word(&mut names)).unsigned(*value);
        }
    }

    /// As [`Object::numbers`]; those that are not known are left out.
    pub fn counters(&mut self, names: &str, values: &[Option<u64>]) {
        let mut names = names.as_bytes();
        for value in values {
            let name = take_word(&mut names);
            if let Some(value) = *value {
                self.named(name).unsigned(value);
            }
        }
    }
}

/// `value` in decimal, at the end of `digits`.
pub fn decimal(value: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut left = value;
    let mut first = digits.len();
    for (index, digit) in digits.iter_mut().enumerate().rev() {
        *digit = b'0'.wrapping_add(u8::try_from(left % 10).unwrap_or(0));
        first = index;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    digits.get(first..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(fill: impl FnOnce(&mut Writer<'_>)) -> String {
        let mut buffer = [0; 512];
        let mut writer = Writer::new(&mut buffer, 0);
        fill(&mut writer);
        assert!(!writer.is_full());
        let length = writer.len();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn numbers_are_those_of_the_standard_library() {
        for value in [0, 1, 9, 10, 99, 100, i64::MAX, i64::MIN, -1, 1_700_000_000_000_000_000] {
            assert_eq!(written(|writer| writer.integer(value)), value.to_string());
        }
        assert_eq!(written(|writer| writer.unsigned(u64::MAX)), u64::MAX.to_string());
    }

    #[test]
    fn text_is_ascii_with_upper_case_escapes() {
        for (text, json) in [
            (&b"plain / 'text'"[..], "\"plain / 'text'\""),
            (b"\"\\\x08\x0C\n\r\t\x01\x7F\0", r#""\"\\\b\f\n\r\t\u0001\u007F\u0000""#),
            ("\u{e9}\u{20ac}\u{1F600}".as_bytes(), r#""\u00E9\u20AC\uD83D\uDE00""#),
            (b"a\xFFb\xC3(\xC0\x80\xED\xA0\x80", r#""a\uFFFDb\uFFFD(\u0000\uFFFD""#),
        ] {
            assert_eq!(written(|writer| writer.text(text)), json);
        }
    }

    #[test]
    fn what_does_not_fit_is_told_and_taken_back() {
        let mut buffer = [0; 4];
        let mut writer = Writer::new(&mut buffer, 0);
        writer.raw(b"abc");
        let mark = writer.mark();
        writer.raw(b"de");
        assert!(writer.is_full());
        writer.raw(b"f");
        assert_eq!(writer.len(), 3, "nothing follows what was left out");
        writer.roll_back(mark);
        writer.raw(b"d");
        assert!(!writer.is_full());
        assert_eq!(&buffer, b"abcd");
    }

    #[test]
    fn objects_are_separated_as_qemu_prints_them() {
        let json = written(|writer| {
            writer.object(|object| {
                object.member("a").integer(1);
                object.member("b").object(|inner| inner.member("c").boolean(true));
                object.member("d").object(|_| {});
                object.counters("e f g", &[Some(2), None, Some(u64::MAX)]);
                object.numbers("h i", &[3, 4]);
            });
        });
        assert_eq!(json, r#"{"a": 1, "b": {"c": true}, "d": {}, "e": 2, "g": 18446744073709551615, "h": 3, "i": 4}"#);
    }
}
