//! Reading the small text files of the kernel through a fixed buffer.

use crate::errno::Errno;
use crate::sys::fd::Fd;

/// Reads until the end of the file or of the buffer; answers how much it was.
///
/// # Errors
/// Those of read(2).
pub fn read_whole(file: &Fd, buffer: &mut [u8]) -> Result<usize, Errno> {
    let mut length = 0_usize;
    loop {
        let room = buffer.get_mut(length..).unwrap_or_default();
        if room.is_empty() {
            return Ok(length);
        }
        match file.read(room) {
            Ok(0) => return Ok(length),
            Ok(count) => length = length.saturating_add(count),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// Where the reading of a file by lines stands. What was read ahead is in the buffer.
#[derive(Debug, Default)]
pub struct Lines {
    start: usize,
    end: usize,
    /// The line is too long: what is still to come of it is passed over.
    is_skipping: bool,
    /// A line that is longer than the buffer is an error, at once.
    is_strict: bool,
    /// Lines were left out, for they are longer than the buffer.
    pub has_left_out: bool,
}

impl Lines {
    /// For a file in which no line may be left out.
    pub fn strict() -> Self {
        Lines { is_strict: true, ..Lines::default() }
    }

    /// Gives each line, without its line feed, to `visit`, until that answers false: the line is then given again by the
    /// next call, which must have the same buffer as this one left it. Answers whether it came to the end of the file.
    ///
    /// # Errors
    /// Those of read(2). `ENAMETOOLONG` for a line that is too long, if that is an error.
    pub fn each(&mut self, file: &Fd, buffer: &mut [u8], visit: &mut dyn FnMut(&[u8]) -> bool) -> Result<bool, Errno> {
        loop {
            let mut rest = buffer.get(self.start..self.end).unwrap_or_default();
            while let Some(length) = rest.iter().position(|&byte| byte == b'\n') {
                let line = rest.get(..length).unwrap_or_default();
                if !self.is_skipping && !visit(line) {
                    return Ok(false);
                }
                self.is_skipping = false;
                rest = rest.get(length.saturating_add(1)..).unwrap_or_default();
                self.start = self.end.saturating_sub(rest.len());
            }
            if rest.len() == buffer.len() {
                if self.is_strict {
                    return Err(Errno::ENAMETOOLONG);
                }
                self.is_skipping = true;
                self.has_left_out = true;
                self.end = self.start;
            }
            self.move_to_front(buffer);
            match file.read(buffer.get_mut(self.end..).unwrap_or_default()) {
                Ok(0) => {
                    let rest = buffer.get(..self.end).unwrap_or_default();
                    return Ok(rest.is_empty() || self.is_skipping || visit(rest));
                }
                Ok(count) => self.end = self.end.saturating_add(count),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }

    /// A byte at a time: it is the rest of one line.
    fn move_to_front(&mut self, buffer: &mut [u8]) {
        let kept = self.end.saturating_sub(self.start);
        for index in 0..kept {
            let byte = buffer.get(self.start.saturating_add(index)).copied().unwrap_or(0);
            if let Some(slot) = buffer.get_mut(index) {
                *slot = byte;
            }
        }
        self.start = 0;
        self.end = kept;
    }
}

/// Gives each line, without its line feed, to `visit`, until it answers false.
///
/// # Errors
/// Those of read(2). `ENAMETOOLONG`, once all lines have been read: some were left out, for they are longer than the buffer.
pub fn each_line(file: &Fd, buffer: &mut [u8], mut visit: impl FnMut(&[u8]) -> bool) -> Result<(), Errno> {
    let mut lines = Lines::default();
    let is_end = lines.each(file, buffer, &mut visit)?;
    if is_end && lines.has_left_out { Err(Errno::ENAMETOOLONG) } else { Ok(()) }
}

/// A number in decimal at the start of a text, and what follows it.
#[inline(never)] // smaller so
pub fn decimal(text: &[u8]) -> Option<(u64, &[u8])> {
    number(text, 10)
}

/// A number at the start of a text, and what follows it. `base` is 10 or 16.
///
/// A loop: the standard library's takes a `str` that is nothing but digits, and several times the room.
pub fn number(text: &[u8], base: u8) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    let mut rest = text;
    while let [first, after @ ..] = rest {
        let digit = match first {
            b'0'..=b'9' => first.wrapping_sub(b'0'),
            _ => (first | 0x20).wrapping_sub(b'a').saturating_add(10),
        };
        if digit >= base {
            break;
        }
        value = value.checked_mul(base.into())?.checked_add(digit.into())?;
        rest = after;
    }
    if rest.len() < text.len() { Some((value, rest)) } else { None }
}

/// Numbers at the start of a text, with these `separators` between them, and what follows the last one.
pub fn numbers<'t>(text: &'t [u8], base: u8, separators: &[u8], numbers: &mut [u64]) -> Option<&'t [u8]> {
    let (first, others) = numbers.split_first_mut()?;
    let (value, mut rest) = number(text, base)?;
    *first = value;
    for (to, separator) in others.iter_mut().zip(separators) {
        (*to, rest) = number(rest.strip_prefix(core::slice::from_ref(separator))?, base)?;
    }
    Some(rest)
}

/// The number of a device, `MAJOR:MINOR`, at the start of a text.
pub fn device_number(text: &[u8]) -> Option<(u32, u32)> {
    let mut both = [0; 2];
    numbers(text, 10, b":", &mut both)?;
    let [major, minor] = both;
    Some((u32::try_from(major).ok()?, u32::try_from(minor).ok()?))
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;
    use crate::sys::fd::SeekFrom;

    #[test]
    fn lines_come_whole_through_any_buffer() {
        let file = crate::sys::memory::file().unwrap();
        let text = "one\n\nthree is longer\nfour\nlast";
        file.write(text.as_bytes()).unwrap();
        for size in 1..40 {
            file.seek(0, SeekFrom::Start).unwrap();
            let mut lines = Vec::new();
            let result = each_line(&file, &mut vec![0; size], |line| {
                lines.push(String::from_utf8(line.to_vec()).unwrap());
                true
            });
            let expected: Vec<_> = text.lines().filter(|line| line.len() < size).collect();
            let all = expected.len() == text.lines().count();
            assert_eq!(result, if all { Ok(()) } else { Err(Errno::ENAMETOOLONG) }, "buffer of {size}");
            assert_eq!(lines, expected, "buffer of {size}");
        }
    }

    #[test]
    fn a_line_that_is_not_taken_comes_again() {
        let file = crate::sys::memory::file().unwrap();
        let text = "one\n\nthree is longer\nfour\nlast";
        file.write(text.as_bytes()).unwrap();
        for size in 16..40 {
            for piece in 1..6 {
                file.seek(0, SeekFrom::Start).unwrap();
                let (mut lines, mut found) = (Lines::default(), Vec::new());
                let mut buffer = vec![0; size];
                loop {
                    let mut left = piece;
                    let is_end = lines.each(&file, &mut buffer, &mut |line| {
                        if left == 0 {
                            return false;
                        }
                        left -= 1;
                        found.push(String::from_utf8(line.to_vec()).unwrap());
                        true
                    });
                    if is_end.unwrap() {
                        break;
                    }
                }
                assert_eq!(found, text.lines().collect::<Vec<_>>(), "buffer of {size}, {piece} lines at a time");
            }
        }
    }

    #[test]
    fn numbers_end_where_their_digits_end() {
        assert_eq!(decimal(b"254:1"), Some((254, &b":1"[..])));
        assert_eq!(decimal(b"18446744073709551615"), Some((u64::MAX, &b""[..])));
        assert_eq!(decimal(b"18446744073709551616"), None);
        for text in ["x", "", "-1", ":", "/"] {
            assert_eq!(decimal(text.as_bytes()), None);
        }
        assert_eq!(number(b"1fA0g", 16), Some((0x1FA0, &b"g"[..])));
        for byte in 0..=u8::MAX {
            let digit = char::from(byte).to_digit(16).map(|digit| (u64::from(digit), &b""[..]));
            assert_eq!(number(&[byte], 16), digit);
        }
    }

    #[test]
    fn rows_of_numbers_have_their_separators() {
        let mut both = [0; 3];
        assert_eq!(numbers(b"a:b.c/d", 16, b":.", &mut both), Some(&b"/d"[..]));
        assert_eq!(both, [10, 11, 12]);
        for text in ["a:b:c", "a:b", "a:.c", ":b.c", ""] {
            assert_eq!(numbers(text.as_bytes(), 16, b":.", &mut both), None);
        }
        assert_eq!(device_number(b"254:1\n"), Some((254, 1)));
        assert_eq!(device_number(b"4294967296:1"), None);
    }
}
